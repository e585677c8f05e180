"""One task as JSON values, and the manifest that it leaves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

import xxhash

from dspipe.pipeline.keys import key_of
from dspipe.pipeline.storage.patience import LONG_SECONDS

Manifest = dict[str, Any]

PRODUCTS = "shards"
"""the folder of the run's output with what it is for, apart from the phases' folders"""


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with a checksum of its values."""
    return {**manifest, "seal": _seal(manifest)}


def encoded(manifest: Manifest) -> bytes:
    """The manifest as it is stored: in one line."""
    return json.dumps(manifest).encode()


def is_whole(manifest: Any) -> bool:
    """Whether a manifest is what a task wrote."""
    return isinstance(manifest, dict) and manifest.get("seal") == _seal(manifest)


def _seal(manifest: Manifest) -> str:
    values = {name: value for name, value in manifest.items() if name != "seal"}
    return xxhash.xxh3_128_hexdigest(json.dumps(values, sort_keys=True).encode())


def inputs_file(phase: str, listing: Mapping[str, Any]) -> str:
    """The name of the file that lists what the tasks of a phase share: by its content."""
    return f"{phase}/inputs-{key_of(listing)[:12]}.json"


class MadeBefore(TypedDict):
    """What an earlier try of a task made, of whose documents some failed."""

    columns: dict[str, list[str]]
    """name -> [file, hash]"""
    groups: list[int]
    """rows in each row group"""
    files: list[dict[str, Any]]
    """its files, as its manifest names them"""


@dataclass(frozen=True)
class TaskSpec:
    """One task to run. Everything in it is a JSON value."""

    key: str
    phase: str
    label: str
    runner: str
    """`module:function`, called with (Task, payload)"""
    payload: dict[str, Any]
    root: str
    seed: int
    memory: int
    batch_rows: int
    batch_bytes: int
    shards: int
    number: int
    """of the shard, of the partition, or 0"""
    over: str = "shards"
    columns: dict[str, list[str]] = field(default_factory=dict)
    """the shard's row columns: name -> [file, hash]"""
    groups: list[int] = field(default_factory=list)
    """rows in each row group of the shard"""
    own_artifacts: dict[str, list[list[Any]]] = field(default_factory=dict)
    """the files of artifacts that the shard's own tasks made, by name"""
    inputs: str | None = None
    """the file that lists exchanges, artifacts and other shards' columns"""
    exchange: str | None = None
    writes: str = ""
    """the Arrow schema of the row columns written, in hexadecimal; empty: none"""
    emits: str | None = None
    partitions: int = 0
    by_record: bool = False
    """whether the task goes record by record, says where it is, and can leave out single ones (`skip`, `probe`)"""
    skip: list[dict[str, Any]] = field(default_factory=list)
    """records that ended a worker: left out and quarantined. Each is record (its number in the shard), stage, error and
    peak_bytes (of the worker's memory; 0: not known)"""
    max_quarantined: float = 1.0
    """the share of its documents that stages may fail on; beyond it the task fails"""
    deadline: float | None = None
    """seconds that a batch may take in a task that goes record by record; None: no deadline"""
    patience: float = LONG_SECONDS
    """seconds that storage is waited for"""
    gpus: float = 0.0
    """what it reserves of a GPU on a Ray cluster"""
    probe: list[int] | None = None
    """[first, end, step]: only run the records from `first` up to `end`, `step` at a time, and write nothing (how a
    record that ends workers is found)"""
    before: MadeBefore | None = None
    """rows that are to be taken as they are, and only the other documents measured"""
    attempt: int = 0
    """which of the driver's tries at the task this is"""

    def file(self, name: str) -> str:
        """The name of one of the task's files."""
        return f"{self.phase}/{self.label}-{self.key[:12]}{name}"

    def product_file(self, name: str, suffix: str) -> str:
        """The name of one of the task's files that are what the run is for."""
        return f"{PRODUCTS}/{name}-{self.key[:12]}{suffix}"

    @property
    def manifest_file(self) -> str:
        """The name of the manifest, whose presence says that the task is done."""
        return self.file(".manifest.json")
