"""What stands in for an object store and for a cluster in `benchmarks.scale`."""

import base64
import hashlib
import io
import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pyarrow as pa
import xxhash
from fsspec import AbstractFileSystem

from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.executors.interface import Event, Finished
from dspipe.pipeline.storage.exchange import FEW_PARTITIONS
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec, sealed

PROTOCOL = "counted"
LISTED = 1000
"""files that one LIST names"""
BLOCK = 5 << 20
"""bytes that one GET brings of a file that is open (s3fs)"""
EMPTY = hashlib.sha256(b"").hexdigest()
KEPT = Counts(100, 100_000, 0)
"""the documents of a shard"""


class CountedFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """An object store in a file of SQLite, for one process at a time; what is asked is counted by kind of request.

    A million files in folders would be most of the time, and a dictionary of them most of the memory.
    """

    protocol = PROTOCOL
    requests: ClassVar[Counter[str]] = Counter()
    database: ClassVar[sqlite3.Connection]

    @classmethod
    def use(cls, path: Path) -> None:
        """Keep files in the database at `path`."""
        # Arrow reads columns of remote files in threads of its own
        cls.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        cls.database.execute("pragma journal_mode = off")
        cls.database.execute("pragma synchronous = off")
        cls.database.execute(
            "create table if not exists files (folder text, name text, content blob, primary key (folder, name))"
        )
        cls.database.execute("begin")

    @classmethod
    def put(cls, path: str, content: bytes) -> None:
        """Keep a file, without counting."""
        cls.database.execute("insert or replace into files values (?, ?, ?)", (*_parts(path), content))

    @classmethod
    def files(cls) -> int:
        """How many files there are."""
        (number,) = cls.database.execute("select count(*) from files").fetchone()
        return int(number)

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """Names, or what is known of each: a LIST for every thousand."""
        path = self._strip_protocol(path)
        found = self.database.execute("select name, length(content) from files where folder = ?", (path,)).fetchall()
        below = self.database.execute("select distinct folder from files where folder like ?", (f"{path}/%",))
        entries = [{"name": f"{path}/{name}", "size": size, "type": "file"} for name, size in found]
        entries += [{"name": name, "size": 0, "type": "directory"} for (name,) in below]
        self.requests["LIST"] += 1 + len(entries) // LISTED
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """A HEAD."""
        self.requests["HEAD"] += 1
        return {"name": path, "size": len(self._content(path)), "type": "file"}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """A GET."""
        self.requests["GET"] += 1
        return self._content(path)[start:end]

    def cat(self, path: list[str], **_: Any) -> dict[str, bytes]:
        """A GET each."""
        return {one: self.cat_file(one) for one in path}

    def cat_ranges(self, paths: list[str], starts: list[int], ends: list[int], **_: Any) -> list[bytes]:
        """A GET each."""
        return [self.cat_file(*place) for place in zip(paths, starts, ends, strict=True)]

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        """To read: a HEAD for the size, and a GET for each block. To write: a PUT."""
        if "w" in mode:
            self.requests["PUT"] += 1
            return _Upload(path)
        content = self._content(path)
        self.requests["HEAD"] += 1
        self.requests["GET"] += 1 + len(content) // BLOCK
        return io.BytesIO(content)

    def rm_file(self, path: str) -> None:
        """A DELETE."""
        self.requests["DELETE"] += 1
        self.database.execute("delete from files where folder = ? and name = ?", _parts(path))

    def _content(self, path: str) -> bytes:
        found = self.database.execute("select content from files where folder = ? and name = ?", _parts(path))
        for (content,) in found:
            return bytes(content)
        raise FileNotFoundError(path)


class _Upload(io.BytesIO):
    """A file that appears when it is closed."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def discard(self) -> None:
        """Leave nothing."""
        self._path = ""

    def close(self) -> None:
        if self._path and not self.closed:
            CountedFileSystem.put(self._path, self.getvalue())
        super().close()


def _parts(path: str) -> tuple[str, str]:
    folder, _, name = CountedFileSystem._strip_protocol(path).rpartition("/")
    return folder, name


fsspec.register_implementation(PROTOCOL, CountedFileSystem, clobber=True)


class InstantExecutor:
    """Answers at once that a task is done, and leaves what the driver looks at: manifests, and files of the sizes that
    they say. Files are empty but for the digests of exchanges, where these are read."""

    capacity = 4096
    one_machine = False

    def __init__(self, plan: Plan) -> None:
        self._root = plan.config.output
        self._artifacts = {phase.name: phase.makes_artifacts for phase in plan.phases}
        self._ranges = {phase.exchange: phase.ranges for phase in plan.phases if phase.over == "sender_groups"}
        self._columns: dict[str, list[str]] = {"": []}
        self._decides = {phase.name for phase in plan.phases if phase.decides}
        self._done: list[Event] = []
        self.cpu_s = 0.0
        """its own, to be taken off the driver's"""

    def check_gpus(self, gpus: float) -> None:
        """Nothing is reserved."""

    def submit(self, spec: TaskSpec) -> None:
        """The task is done."""
        start = time.process_time()
        manifest = sealed(self._manifest(spec))
        CountedFileSystem.put(f"{self._root}/{spec.manifest_file}", json.dumps(manifest).encode())
        self._done.append(Finished(spec, manifest))
        self.cpu_s += time.process_time() - start

    def wait(self) -> list[Event]:
        """All that was submitted."""
        events, self._done = self._done, []
        return events

    def cancel(self, spec: TaskSpec) -> None:
        """Every task has ended."""

    def condition(self, spec: TaskSpec) -> str:
        """Nothing runs."""
        return ""

    def close(self) -> None:
        """Nothing runs."""

    def _manifest(self, spec: TaskSpec) -> Manifest:
        files = [self._file("artifact", name, spec.file(f".{name}.json"), b"") for name in self._artifacts[spec.phase]]
        names = self._names(spec.writes)
        if names:
            files.append(self._file("rows", "rows", spec.file(".parquet"), b""))
        emits = spec.payload["exchange"] if spec.over == "sender_groups" else spec.emits
        if emits:
            files.append(self._exchange(spec, emits))
        kept = self._kept(spec)
        funnel = Funnel(spec.phase.partition(".")[0], kept, kept, {}, {"web": kept}).as_json()
        return {
            "file": spec.manifest_file,
            "key": spec.key,
            "phase": spec.phase,
            "task": spec.label,
            "files": files,
            "columns": {name: [spec.file(".parquet"), spec.key] for name in names},
            "groups": [kept.documents] if spec.over == "inputs" else [],
            "funnel": [funnel] if spec.phase in self._decides else [],
            "counters": {"read": kept.documents, "quarantined": 0} if spec.over == "inputs" else {},
            "notes": {},
            "seconds": 0.0,
        }

    def _kept(self, spec: TaskSpec) -> Counts:
        """The documents of a task's shard: all are kept."""
        return KEPT

    def _exchange(self, spec: TaskSpec, name: str) -> dict[str, Any]:
        merges = spec.over == "sender_groups"
        first, partitions = 0, spec.partitions or spec.shards
        if merges:
            first = spec.payload["first"]
            partitions = min(spec.payload["width"], partitions - first)
        described: dict[str, Any] = {
            "index": -8 * partitions,
            "segments": 0,
            "partitions": partitions,
            "first": first,
            # one to each task that merges them
            "records": len(spec.payload["files"]) if merges else self._ranges.get(name, 1),
            "schema": "00",
            "sha256": 2 * spec.key,  # those of one group of senders aren't those of the next
        }
        if name in self._ranges and not merges:
            return {**self._file("exchange", name, spec.file(".exchange"), b""), **described}
        digests = bytes.fromhex(spec.key) * partitions
        if partitions <= FEW_PARTITIONS:
            described["digests"] = base64.b64encode(digests).decode()
            return {**self._file("exchange", name, spec.file(".exchange"), b""), **described}
        content = digests + xxhash.xxh3_64_intdigest(digests).to_bytes(8, "little")
        return {**self._file("exchange", name, spec.file(".exchange"), content), **described}

    def _file(self, kind: str, name: str, file: str, content: bytes) -> dict[str, Any]:
        CountedFileSystem.put(f"{self._root}/{file}", content)
        return {"kind": kind, "name": name, "file": file, "bytes": len(content), "sha256": EMPTY}

    def _names(self, schema: str) -> list[str]:
        if schema not in self._columns:
            self._columns[schema] = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(schema))).names
        return self._columns[schema]
