"""One driver at a time on one output, and word of who it is.

On a local file system a lock on `.lock` goes with the process that holds it. On an object store `.lease.json` is
written only if nobody else has written it meanwhile (If-None-Match, If-Match), and renewed every quarter of its time;
ages are by the storage's clock alone. A lease that isn't renewed in its time is of a driver that has died, and is taken
over.
"""

import contextlib
import fcntl
import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from dspipe.pipeline.storage.objects import ConditionFailedError, NoConditionsError, PatientObjects, Piece
from dspipe.pipeline.storage.store import Store

LOCK_FILE = ".lock"
LEASE_FILE = ".lease.json"
LEASE_SECONDS = 60.0
"""how long a lease is good without being renewed"""

Notice = Callable[[str], None]


class OutputTakenError(Exception):
    """Another run is at work in the output: who, and since when."""


class LeaseLostError(Exception):
    """Another run has taken the output over."""


@dataclass(frozen=True)
class Holder:
    """Who holds an output."""

    who: str
    process: int
    machine: str
    """where its process number counts: the kernel since it was started, and the container"""
    since: str
    run: str
    """tells one start of a driver from another"""
    seconds: float = 0.0
    """how long it is good without being renewed"""
    renewals: int = 0
    released: bool = False

    @staticmethod
    def me() -> "Holder":
        """This process, from now on."""
        process, since = os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        who = f"{_user()}@{socket.gethostname()}, process {process}"
        return Holder(who, process, _machine(), since, uuid.uuid4().hex, LEASE_SECONDS)

    @staticmethod
    def read(data: bytes) -> "Holder | None":
        """A holder as it was written; None where it isn't whole."""
        try:
            return Holder(**json.loads(data))
        except (ValueError, TypeError):
            return None

    def as_bytes(self) -> bytes:
        """How it is written."""
        return json.dumps(asdict(self)).encode()

    def has_died(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        if not self.machine or self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def __str__(self) -> str:
        return f"{self.who}, since {self.since}"


class Lease(Protocol):
    """That this driver alone works in an output."""

    since: float
    """when it was taken, by the storage's clock, in seconds since 1970: what is older is of runs that have ended"""

    def check(self) -> None:
        """Raises LeaseLostError."""


@contextlib.contextmanager
def hold(store: Store, notice: Notice) -> Iterator[Lease]:
    """Keep other drivers out of an output while the block runs. `notice` hears where nothing can.

    Raises OutputTakenError.
    """
    if store.objects is None:
        with _locked(Path(store.path(LOCK_FILE)), notice) as lock:
            yield lock
        return
    lease = _RemoteLease(store.objects, store.remote_path(LEASE_FILE), store.root, notice)
    lease.take()
    try:
        yield lease
    finally:
        lease.release()


@dataclass
class _Lock:
    since: float

    def check(self) -> None:
        """A lock isn't lost while the process lives."""


@contextlib.contextmanager
def _locked(path: Path, notice: Notice) -> Iterator[_Lock]:
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = Holder.read(file.read())
            raise OutputTakenError(
                f"another run is at work in {path.parent}{f': {holder}' if holder else ''}"
            ) from None
        except OSError as error:
            notice(f"{path.parent} can't be locked ({error.strerror}): nothing keeps a second run out of it")
        file.truncate(0)
        file.write(Holder.me().as_bytes())
        file.flush()
        yield _Lock(os.fstat(file.fileno()).st_mtime)


class _RemoteLease:
    """A lease on an object store."""

    def __init__(self, objects: PatientObjects, path: str, root: str, notice: Notice) -> None:
        # it waits beside the run, which says that it waits
        silent = replace(objects.patience, notice=None)
        self._objects = PatientObjects(objects.raw, objects.protocol, silent)
        self._path, self._root, self._notice = path, root, notice
        self._me = Holder.me()
        self._etag: str | None = None
        self._conditional = True
        self._other: Holder | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self.since = 0.0

    def take(self) -> None:
        """Wait until it is clear that nobody else holds it, and take it. Raises OutputTakenError."""
        while True:
            found = self._read()
            if found is not None:
                self._wait_for_its_end(found)
            try:
                self._write(found.etag if found is not None else None)
                break
            except ConditionFailedError:
                continue  # another driver was quicker, and holds it now
        if self._conditional and not self._refuses():
            self._conditional = False
        if not self._conditional:
            self._notice(f"{self._root} has no conditional writes: two runs that start there at once aren't kept apart")
        mine = self._read()
        self.since = (mine.modified if mine is not None else None) or time.time()
        self._thread.start()

    def check(self) -> None:
        if self._other is not None:
            raise LeaseLostError(f"another run has taken over {self._root} meanwhile: {self._other}")

    def release(self) -> None:
        """Say that it is free, without waiting for a storage that is away."""
        self._ended.set()
        self._thread.join(1.0)
        if self._other is None:
            with contextlib.suppress(Exception):
                data = replace(self._me, released=True).as_bytes()
                if self._conditional:
                    self._objects.raw.put_if(self._path, data, self._etag)
                else:
                    self._objects.raw.put(self._path, data)

    def _wait_for_its_end(self, found: Piece) -> None:
        """Returns when the lease that was found is no longer good. Raises OutputTakenError when it is renewed."""
        holder = Holder.read(found.data)
        if holder is None or holder.released or holder.has_died():
            return
        now = found.now if found.now is not None else time.time()
        age = max(0.0, now - (found.modified if found.modified is not None else now))
        if age >= holder.seconds:
            return
        self._notice(
            f"{self._root} is in use by {holder}, last heard of {age:.0f} seconds ago: waiting to see whether that run "
            f"is still alive"
        )
        end = time.monotonic() + holder.seconds - age
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, holder.seconds / 20))
            again = self._read()
            if again is None:
                return
            if again.etag != found.etag:
                holder = Holder.read(again.data) or holder
                if holder.released:
                    return
                raise OutputTakenError(f"another run is at work in {self._root}: {holder}")

    def _read(self) -> Piece | None:
        try:
            return self._objects.read(self._path)
        except FileNotFoundError:
            return None

    def _write(self, etag: str | None) -> None:
        """Write the lease over the version `etag`. Raises ConditionFailedError where it isn't that any more."""
        data = self._me.as_bytes()
        if self._conditional:
            try:
                self._etag = self._objects.put_if(self._path, data, etag)
                return
            except NoConditionsError:
                self._conditional = False
            except ConditionFailedError:
                # the answer to what this driver wrote itself may have been lost, and the request made again
                found = self._read()
                if found is None or not self._is_mine(found):
                    raise
                self._etag = found.etag
                return
        found = self._read()
        if found is not None and self._etag is not None and not self._is_mine(found):
            raise ConditionFailedError
        self._objects.write_bytes(self._path, data)
        self._etag = "written"

    def _is_mine(self, found: Piece) -> bool:
        holder = Holder.read(found.data)
        return holder is not None and holder.run == self._me.run

    def _refuses(self) -> bool:
        """Whether the storage keeps to conditions: some ignore what they don't know."""
        try:
            self._etag = self._objects.put_if(self._path, self._me.as_bytes(), None)
        except ConditionFailedError:
            return True
        return False

    def _renew(self) -> None:
        while not self._ended.wait(self._me.seconds / 4):
            self._me = replace(self._me, renewals=self._me.renewals + 1)
            try:
                self._write(self._etag)
            except ConditionFailedError:
                found = self._read_quietly()
                self._other = (Holder.read(found.data) if found else None) or Holder("?", 0, "", "?", "?")
                return
            except Exception:  # the storage is away: what is written under the lease can't be written either
                continue

    def _read_quietly(self) -> Piece | None:
        try:
            return self._read()
        except Exception:
            return None


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115  no path that could be followed
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
