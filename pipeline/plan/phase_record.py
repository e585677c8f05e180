"""What a phase has left, in two files beside its tasks' manifests, so that who looks at a run asks for a few files.

    done-<digest>.jsonl.zst    the manifests of all tasks in their order, a line each, and their checksum
    done-<digest>.names.json   the manifests' names and the files of artifacts by name

A run of 90,000 shards has a million manifests: to find that nothing is left to do took as many requests, and the names
alone made a `run.json` of 84 MB, written anew after every phase. A record stands for the manifests only as long as no
task of the phase is done again: whoever does one removes the record first.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import pyarrow as pa
import xxhash

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, encoded

RECORD = "done-"
"""how the names of both files begin"""
_MANIFESTS, _NAMES = ".jsonl.zst", ".names.json"
_END = ".manifest.json"
_CHECKSUM = 32
"""hexadecimal digits"""


class PhaseRecord:
    """The record of a phase, read when it is first asked for. `present`: what is in the phase's folder."""

    def __init__(self, store: Store, phase: str, present: Iterable[str]) -> None:
        self._store, self._phase = store, phase
        self._files = sorted(name for name in present if name.startswith(RECORD))

    @cached_property
    def manifests(self) -> dict[str, tuple[int, Manifest]]:
        """By their files' names, with these files' sizes: none where there is no record, or none that is whole."""
        records = [name for name in self._files if name.endswith(_MANIFESTS)]
        found = (line for name in records for line in _read(self._store, f"{self._phase}/{name}"))
        return {manifest["file"]: (size, manifest) for size, manifest in found}

    def remove(self) -> None:
        """To be called before a task of the phase is done. The names stay: the last `run.json` leads to them."""
        records = [name for name in self._files if name.endswith(_MANIFESTS)]
        for name in records:
            self._store.remove(f"{self._phase}/{name}")
        self._files = [name for name in self._files if name not in records]

    def write(self, manifests: Sequence[Manifest]) -> list[str]:
        """Write the record of the phase, which has ended, unless it is there. The names of its files, that with the
        manifests' names last."""
        digest = xxhash.xxh3_128()
        for manifest in manifests:
            digest.update(f"{manifest['file']} {manifest['seal']}\n".encode())
        record, names = (f"{RECORD}{digest.hexdigest()[:12]}{end}" for end in (_MANIFESTS, _NAMES))
        store, phase = self._store, self._phase
        if not self.manifests:  # one that was cut or changed
            self.remove()
        if record not in self._files:
            stored = pa.BufferOutputStream()
            with pa.CompressedOutputStream(stored, "zstd") as lines:
                for block in _blocks(manifests):
                    lines.write(block)
            store.write_bytes(f"{phase}/{record}", stored.getvalue().to_pybytes())
        found = {"manifests": _without_folder(phase, manifests), "artifacts": _artifacts(manifests)}
        content = json.dumps(found).encode()
        # compared, for nobody else would make one anew that was changed
        if names not in self._files or store.read_bytes(f"{phase}/{names}") != content:
            store.write_bytes(f"{phase}/{names}", content)
        self.__dict__.pop("manifests", None)  # no longer needed: 3 kB of memory a task
        return [f"{phase}/{record}", f"{phase}/{names}"]


def read_names(store: Store, files: Sequence[str]) -> list[tuple[list[str], dict[str, list[str]]]]:
    """Of files that `write_record` wrote last: the names of the manifests, and the files of artifacts by name.

    Raises DamagedFileError, KeyError, TypeError.
    """
    phases = [file.rpartition("/")[0] for file in files]
    return [
        ([f"{phase}/{name}{_END}" for name in value["manifests"]], value["artifacts"])
        for phase, value in zip(phases, store.read_json_many(files), strict=True)
    ]


def read_phase_manifests(store: Store, names: str, manifests: Sequence[str]) -> list[Manifest]:
    """The manifests of a phase, in order, from its record where there is one: one request instead of one a task.
    `names`: the file that `write` wrote last. Raises DamagedFileError, FileNotFoundError."""
    record = f"{names.removesuffix(_NAMES)}{_MANIFESTS}"
    try:
        found = {manifest["file"]: manifest for _, manifest in _read(store, record)}
    except FileNotFoundError:
        found = {}
    if all(name in found for name in manifests):
        return [found[name] for name in manifests]
    return list(store.read_json_many(manifests))


def _blocks(manifests: Sequence[Manifest]) -> Iterator[bytes]:
    """The lines, a thousand at a time."""
    digest = xxhash.xxh3_128()
    for start in range(0, len(manifests), 1000):
        block = b"".join(encoded(manifest) + b"\n" for manifest in manifests[start : start + 1000])
        digest.update(block)
        yield block
    yield digest.hexdigest().encode()


def _read(store: Store, record: str) -> list[tuple[int, Manifest]]:
    try:
        with pa.CompressedInputStream(pa.BufferReader(store.read_bytes(record)), "zstd") as stream:
            lines = stream.read()
    except (OSError, pa.ArrowInvalid):
        return []
    content, checksum = lines[:-_CHECKSUM], lines[-_CHECKSUM:]
    if xxhash.xxh3_128_hexdigest(content).encode() != checksum:
        return []
    return [(len(line), json.loads(line)) for line in content.splitlines()]


def _without_folder(phase: str, manifests: Sequence[Manifest]) -> list[str]:
    return [manifest["file"].removeprefix(f"{phase}/").removesuffix(_END) for manifest in manifests]


def _artifacts(manifests: Sequence[Manifest]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for manifest in manifests:
        for file in manifest["files"]:
            if file["kind"] == "artifact":
                found.setdefault(file["name"], []).append(file["file"])
    return found
