"""`.status.json`: how far a run is, written by its driver every few seconds, for whoever looks at it from outside.

Nothing depends on it: no key covers it, no command reads a result from it, and where it can't be written the run goes
on. A thread writes it, so that it is renewed while the driver waits for storage or runs a task itself. What it says
last is how the run has ended; a driver that was killed leaves it as it was, and it grows old.
"""

import contextlib
import json
import threading
from types import TracebackType

from dspipe.pipeline.run.account import RunAccount
from dspipe.pipeline.run.run_progress import STATUS_FILE, RunState
from dspipe.pipeline.storage.lease import Lease, LeaseLostError
from dspipe.pipeline.storage.store import Store

LOCAL_SECONDS, REMOTE_SECONDS = 2.0, 10.0
"""how often it is written: an object store takes money for each request (8,640 a day are about 4 cents)"""


class StatusFile:
    """Writes `.status.json` while the block runs, and once more with how it ended."""

    def __init__(self, store: Store, account: RunAccount, lease: Lease) -> None:
        self._store, self._account, self._lease = store, account, lease
        self._every_s = LOCAL_SECONDS if store.objects is None else REMOTE_SECONDS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="status", daemon=True)

    def __enter__(self) -> "StatusFile":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(5.0)  # it may wait for a storage that is away
        if not isinstance(error, LeaseLostError):
            self._write(*_how_it_ended(error))

    def _renew(self) -> None:
        self._write()
        while not self._ended.wait(self._every_s):
            self._write()

    def _write(self, state: RunState = "running", message: str = "") -> None:
        with contextlib.suppress(Exception):  # of another driver's output, or of a storage that is away
            self._lease.check()
            said = self._account.progress(state, message, self._every_s)
            data = json.dumps(said.as_json(), ensure_ascii=False).encode("utf-8", "backslashreplace")
            if self._store.objects is None:
                self._store.write_bytes(STATUS_FILE, data)
            else:  # once: what comes a few seconds later says more
                self._store.objects.raw.put(self._store.remote_path(STATUS_FILE), data)


def _how_it_ended(error: BaseException | None) -> tuple[RunState, str]:
    if error is None:
        return "finished", ""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", ""
    return "failed", str(error) or type(error).__name__
