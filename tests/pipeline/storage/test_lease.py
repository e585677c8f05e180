"""One driver at a time on one output: locally by a lock, on object stores by a lease."""

import contextlib
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.storage import lease
from dspipe.pipeline.storage.lease import Holder, LeaseLostError, OutputTakenError, hold
from dspipe.pipeline.storage.patience import patient
from dspipe.pipeline.storage.store import Store
from tests.chaos.faulty_proxy import FaultyProxy
from tests.engine import run_inline
from tests.pipeline.run.test_run import config, corpus

SECONDS = 4.0
"""a lease's time in these tests: it is renewed every quarter of it"""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", SECONDS)


@pytest.fixture
def store(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Store]:
    """A store of objects."""
    with patient(20):
        yield Store(f"s3://bucket/{tmp_path.name}")


def unheard(text: str) -> None:
    """Notices that nobody looks at."""


def written(store: Store, **changed: Any) -> Holder:
    """The lease of a driver that isn't there: of another machine, unless changed."""
    holder = replace(Holder.me(), **{"who": "ann@far, process 1", "machine": "far", "since": "noon", **changed})
    store.write_bytes(lease.LEASE_FILE, holder.as_bytes())
    return holder


def held(store: Store) -> Holder:
    holder = Holder.read(store.read_bytes(lease.LEASE_FILE))
    assert holder is not None
    return holder


def test_a_second_driver_is_told_who_and_since_when(store: Store) -> None:
    heard: list[str] = []
    with hold(store, heard.append) as first:
        assert heard == []
        assert abs(first.since - time.time()) < 30
        with (
            pytest.raises(OutputTakenError, match=rf"another run is at work in s3://.*process {os.getpid()}, since 2"),
            hold(store, heard.append),
        ):
            raise AssertionError
        first.check()
    assert len(heard) == 1 and re.search(
        r"in use by .*, process \d+, since .*, last heard of \d+ seconds ago", heard[0]
    )
    with hold(store, heard.append):  # it is free again, at once
        assert len(heard) == 1


def test_it_is_renewed(store: Store) -> None:
    with hold(store, unheard):
        until(lambda: held(store).renewals >= 1)
    assert held(store).released


def test_a_lease_that_nobody_renews_is_taken_over(store: Store) -> None:
    written(store, seconds=1)
    heard: list[str] = []
    with hold(store, heard.append):
        assert held(store).who != "ann@far, process 1"
    assert heard == [] or "in use by ann@far, process 1, since noon" in heard[0]


def test_a_driver_of_this_machine_that_died_is_not_waited_for(store: Store) -> None:
    child = multiprocessing.get_context("spawn").Process(target=time.time)
    child.start()
    child.join()
    written(store, process=child.pid, machine=Holder.me().machine, seconds=3600)
    with hold(store, unheard):
        assert held(store).process == os.getpid()


def test_whoever_was_taken_over_is_told(store: Store) -> None:
    with hold(store, unheard) as first:
        written(store)  # as another driver does to one that was asleep for too long

        def lost() -> bool:
            try:
                first.check()
            except LeaseLostError as error:
                return "taken over" in str(error) and "ann@far, process 1, since noon" in str(error)
            return False

        until(lost)
    assert held(store).who == "ann@far, process 1" and not held(store).released


def test_of_drivers_that_start_at_once_one_wins(store: Store) -> None:
    outcomes: list[str] = []
    start, end = threading.Barrier(4), threading.Event()

    def drive() -> None:
        start.wait()
        try:
            with hold(store, unheard):
                outcomes.append("held")
                end.wait(60)
        except OutputTakenError:
            outcomes.append("refused")

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(outcomes) == 4)
    end.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]


def test_lost_answers_cost_no_lease(store: Store, proxy: FaultyProxy) -> None:
    proxy.shares = {"lost": 0.5}
    with hold(store, unheard) as first:
        until(lambda: held(store).renewals >= 1)
        first.check()
    assert proxy.injected["lost"] >= 1


def test_a_storage_without_conditions_says_so(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    heard: list[str] = []
    store = Store(f"memory://{tmp_path.name}")
    with hold(store, heard.append) as first:
        assert len(heard) == 1 and "has no conditional writes" in heard[0]
        until(lambda: held(store).renewals >= 1)
        first.check()
        with pytest.raises(OutputTakenError, match="another run is at work"), hold(store, unheard):
            raise AssertionError


def test_a_storage_that_ignores_conditions_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.objects is not None
    raw = store.objects.raw

    def ignoring(path: str, data: bytes, etag: str | None) -> str:
        raw.put(path, data)
        return "1"

    monkeypatch.setattr(raw, "put_if", ignoring)
    heard: list[str] = []
    with hold(store, heard.append):
        assert len(heard) == 1 and "has no conditional writes" in heard[0]


def test_a_local_lock_says_who_holds_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with (
        hold(store, unheard),
        pytest.raises(
            OutputTakenError, match=rf"another run is at work in {tmp_path}: .*process {os.getpid()}, since 2"
        ),
        hold(store, unheard),
    ):
        raise AssertionError
    with hold(store, unheard) as again:
        again.check()


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_a_run_is_kept_out_and_removes_nothing(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    corpus(tmp_path / "in")
    values = config(tmp_path)
    output = str(tmp_path / "out")
    if kind == "s3":
        request.getfixturevalue("proxy")
        output = f"s3://bucket/{tmp_path.name}"
    store = Store(output)
    store.prepare()
    with hold(store, unheard):
        with pytest.raises(InvalidConfigError, match=r"output: another run is at work in .*, since 2"):
            run_inline(values, output=output)
        assert store.folders() == []
    run_inline(values, output=output)
    assert "documents" in store.folders()


def until(true: Any) -> None:
    """Wait for something, generously."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        with contextlib.suppress(OSError):
            time.sleep(0.02)
