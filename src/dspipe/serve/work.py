"""Long computations: in threads, a few at once, each once for a state of a run, with the newest results kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

T = TypeVar("T")


class BusyError(Exception):
    """More is being computed than is sensible."""


class Work:
    """Runs functions in threads; `once` remembers what came of them.

    at_once    threads
    waiting    functions that may wait for a thread
    kept       results that are remembered
    """

    def __init__(self, at_once: int, waiting: int, kept: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, "dspipe-serve")
        self._most, self._kept = at_once + waiting, kept
        self._running = 0
        self._results: OrderedDict[Hashable, asyncio.Future[Any]] = OrderedDict()

    async def run(self, make: Callable[[], T]) -> T:
        """What `make` gives. Raises what it raises, and BusyError where too much waits."""
        return await asyncio.shield(self._begin(make))

    async def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave for this key, which names the run's state: those who ask while it works wait for the same.
        Failures aren't remembered."""
        found = self._results.get(key)
        if found is None:
            found = self._results[key] = self._begin(make)
            found.add_done_callback(lambda done: self._forget_failure(key, done))
            while len(self._results) > self._kept:
                self._results.popitem(last=False)
        self._results.move_to_end(key)
        # who asked may have gone away: the others still wait for it
        return cast(T, await asyncio.shield(found))

    def close(self) -> None:
        """Don't begin what hasn't begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, make: Callable[[], T]) -> "asyncio.Future[T]":
        if self._running >= self._most:
            raise BusyError("the server is busy with other computations; try again in a moment")
        self._running += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, make)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: "asyncio.Future[Any]") -> None:
        self._running -= 1

    def _forget_failure(self, key: Hashable, done: "asyncio.Future[Any]") -> None:
        if (done.cancelled() or done.exception() is not None) and self._results.get(key) is done:
            del self._results[key]
