"""Computations are made once, a few at a time."""

import asyncio
import threading

import pytest

from dspipe.serve.work import BusyError, Work


def test_those_who_ask_at_once_wait_for_the_same() -> None:
    calls: list[int] = []

    async def ask() -> list[int]:
        work = Work(2, waiting=8, kept=4)
        begin = threading.Event()

        def make() -> int:
            begin.wait(30)
            calls.append(1)
            return len(calls)

        asked = [asyncio.ensure_future(work.once("key", make)) for _ in range(5)]
        await asyncio.sleep(0)
        begin.set()
        return [*await asyncio.gather(*asked), await work.once("key", make)]

    assert asyncio.run(ask()) == [1] * 6


def test_who_goes_away_takes_nothing_from_the_others() -> None:
    async def ask() -> str:
        work, begin = Work(1, waiting=8, kept=4), threading.Event()
        first = asyncio.ensure_future(work.once("key", lambda: str(begin.wait(30))))
        second = asyncio.ensure_future(work.once("key", lambda: "made anew"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        begin.set()
        return await second

    assert asyncio.run(ask()) == "True"


def test_failures_are_not_remembered() -> None:
    def fail() -> int:
        raise ValueError("no")

    async def ask() -> int:
        work = Work(1, waiting=8, kept=4)
        with pytest.raises(ValueError, match="no"):
            await work.once("key", fail)
        return await work.once("key", lambda: 7)

    assert asyncio.run(ask()) == 7


def test_only_the_newest_results_are_kept() -> None:
    async def ask() -> list[int]:
        work, made = Work(1, waiting=8, kept=2), list[int]()

        def make(key: int) -> int:
            made.append(key)
            return key

        for key in (1, 2, 1, 3, 1, 2):
            assert await work.once(key, lambda key=key: make(key)) == key  # type: ignore[misc]
        return made

    assert asyncio.run(ask()) == [1, 2, 3, 2]


def test_too_much_at_once_is_refused() -> None:
    async def ask() -> None:
        work, end = Work(1, waiting=1, kept=4), threading.Event()
        running = [asyncio.ensure_future(work.run(lambda: end.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await work.run(lambda: True)
        end.set()
        await asyncio.gather(*running)
        assert await work.run(lambda: 5) == 5

    asyncio.run(ask())
