"""`.status.json`: written while a run goes on, its last word, and that nothing depends on it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.run import status_file
from dspipe.pipeline.run.account import RunAccount
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run_progress import STATUS_FILE
from dspipe.pipeline.run.status_file import StatusFile
from dspipe.pipeline.storage.lease import LeaseLostError
from dspipe.pipeline.storage.store import Store
from tests.engine import planned
from tests.pipeline.run.test_run import config, corpus


class Held:
    """A lease that may be lost."""

    since, lost = 0.0, False

    def check(self) -> None:
        if self.lost:
            raise LeaseLostError("another run")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


@pytest.fixture
def account(tmp_path: Path) -> RunAccount:
    corpus(tmp_path / "in")
    return RunAccount(planned(config(tmp_path)), LogProgress())


def said(store: Store) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(store.read_bytes(STATUS_FILE))
    return value


def test_it_is_renewed_and_says_how_the_run_ended(
    store: Store, account: RunAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_file, "LOCAL_SECONDS", 0.01)
    with StatusFile(store, account, Held()):
        end = time.monotonic() + 60
        while not store.exists(STATUS_FILE) and time.monotonic() < end:
            time.sleep(0.01)
        first = said(store)
        while said(store)["written"] == first["written"] and time.monotonic() < end:
            time.sleep(0.01)
        assert said(store)["written"] > first["written"]
        assert (first["state"], first["run"], first["every_seconds"]) == ("running", "test", 0.01)
    assert said(store)["state"] == "finished"


def test_a_failure_and_an_interrupt_are_told(store: Store, account: RunAccount) -> None:
    with pytest.raises(ValueError), StatusFile(store, account, Held()):
        raise ValueError("the reason")
    assert (said(store)["state"], said(store)["message"]) == ("failed", "the reason")
    with pytest.raises(KeyboardInterrupt), StatusFile(store, account, Held()):
        raise KeyboardInterrupt
    assert said(store)["state"] == "interrupted"


def test_a_driver_that_lost_its_output_says_nothing_there(
    store: Store, account: RunAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_file, "LOCAL_SECONDS", 600.0)
    lease = Held()
    with pytest.raises(LeaseLostError), StatusFile(store, account, lease):
        end = time.monotonic() + 60
        while not store.exists(STATUS_FILE) and time.monotonic() < end:
            time.sleep(0.01)
        lease.lost = True
        store.write_bytes(STATUS_FILE, b'"another driver\'s"')
        raise LeaseLostError("another run")
    assert store.read_bytes(STATUS_FILE) == b'"another driver\'s"'


def test_a_run_goes_on_where_it_cannot_be_written(store: Store, account: RunAccount, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / STATUS_FILE).mkdir()  # a folder stands in its place
    with StatusFile(store, account, Held()):
        pass
    assert (tmp_path / "out" / STATUS_FILE).is_dir()
