"""How much text has which score: the mass of each bin of a score in each group, and the ranks that follow from it.

Held as sorted arrays, 16 bytes a bin: of a million documents within 24 topics nearly each has a bin of its own, and
as dictionaries and JSON these took ten times the time of all the rest of the stage.
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.stages.shared.quantiles import Groups

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MIDDLE = 1 << 31
_LOOSE = 1 << 21
"""entries that are held before equal ones are put together, beside twice as many as there are after it"""
_SCHEMA = pa.schema(
    {"of": pa.string(), "group": pa.string(), "bins": pa.large_list(pa.int64()), "masses": pa.large_list(pa.int64())}
)


class Masses:
    """The mass of each bin, by group."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._keys: list[Int64] = []
        """the group's number above the bin's, each"""
        self._masses: list[Int64] = []
        self._held = self._settled = 0

    def add(self, bins: Int64, groups: Groups, weights: Int64 | None = None) -> None:
        """Count documents by their bins (as `Bins.of` gives them) and groups; with `weights`, each as so many."""
        codes = np.array([self._code(name) for name in groups.names] or [0], np.int64)
        self._put(codes[groups.codes], bins, np.ones(len(bins), np.int64) if weights is None else weights)

    def add_up(self, group: str, bins: Int64, masses: Int64) -> None:
        """Add what another one's `groups` has given."""
        self._put(np.full(len(bins), self._code(group), np.int64), bins, masses)

    def groups(self) -> Iterator[tuple[str, Int64, Int64]]:
        """(name, bins, their masses) of each group, by name; bins ascend."""
        self._settle()
        keys, masses = (self._keys[0], self._masses[0]) if self._keys else (np.empty(0, np.int64),) * 2
        for name in sorted(self._codes):
            code = self._codes[name]
            start, end = np.searchsorted(keys, [code << 32, (code + 1) << 32])
            if end > start:
                yield name, (keys[start:end] & 0xFFFFFFFF) - _MIDDLE, masses[start:end]

    def _code(self, group: str) -> int:
        return self._codes.setdefault(group, len(self._codes))

    def _put(self, codes: Int64, bins: Int64, masses: Int64) -> None:
        # bins are float32 bits, or below 0 as many: they fit beside the group
        self._keys.append((codes << 32) | (bins + _MIDDLE))
        self._masses.append(masses)
        self._held += len(bins)
        if self._held > 2 * self._settled + _LOOSE:
            self._settle()

    def _settle(self) -> None:
        if len(self._keys) < 2 and self._held == self._settled:
            return
        keys, masses = np.concatenate(self._keys), np.concatenate(self._masses)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)
        self._keys = [keys[begins]]
        self._masses = [np.add.reduceat(masses[order], begins) if len(begins) else masses]
        self._held = self._settled = len(begins)


class Ranks:
    """The share of a group's mass that stands below each score, ties at the middle of theirs: 0 to 1."""

    def __init__(self, masses: Masses) -> None:
        self._masses = {name: (bins, found) for name, bins, found in masses.groups()}
        self._ranks: dict[str, Floats] = {}

    def of(self, bins: Int64, groups: Groups) -> Floats:
        """The rank of each document whose bin was counted, by its group."""
        ranks = np.zeros(len(bins))
        for code, name in enumerate(groups.names):
            rows = np.flatnonzero(groups.codes == code)
            if len(rows):
                ranks[rows] = self._of_group(name)[np.searchsorted(self._masses[name][0], bins[rows])]
        return ranks

    def _of_group(self, name: str) -> Floats:
        if name not in self._ranks:
            mass = self._masses[name][1].astype(np.float64)
            self._ranks[name] = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1.0)
        return self._ranks[name]


def write_masses(file: BinaryIO, scores: Mapping[str, Masses]) -> None:
    """Write the masses of some scores, by their names: an Arrow file with a row for each score and group."""
    with pa.ipc.new_stream(file, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for of, masses in scores.items():
            for group, bins, found in masses.groups():
                lists = [pa.LargeListArray.from_arrays([0, len(part)], pa.array(part)) for part in (bins, found)]
                writer.write_batch(
                    pa.RecordBatch.from_arrays([pa.array([of]), pa.array([group]), *lists], schema=_SCHEMA)
                )


def add_masses(content: bytes, scores: dict[str, Masses]) -> None:
    """Add what `write_masses` has written to the masses of the scores."""
    with pa.ipc.open_stream(content) as reader:
        for batch in reader:
            bins, found = (batch.column(name).flatten().to_numpy() for name in ("bins", "masses"))
            masses = scores.setdefault(batch.column("of")[0].as_py(), Masses())
            masses.add_up(batch.column("group")[0].as_py(), bins, found)
