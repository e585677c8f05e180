"""A shard's documents with their band keys, in windows in which hot keys are found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import band_keys
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.doc_id import UInt32, UInt64
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import read_kept_rows
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.signatures import signature_column_of, stored_signatures

WINDOW_ROWS = 8192
"""rows of a shard, however they are cut into batches, so that verdicts don't depend on the cut"""
HOT_IN_WINDOW = 16
"""of a key shared by more documents than this in a window of a shard, the others are paired within the window and not
sent: what a partition receives of one key is bounded, and a page that is everywhere overwhelms no worker"""

_CONTAINED = np.uint64(0xA5A5A5A5A5A5A5A5)
"""sets the keys apart that find who is inside another"""


class Window(NamedTuple):
    """Documents of a window that are still kept and have a signature, in the order of their rows."""

    rows: UInt32
    keys: UInt64
    """uint64[documents, keys of each]"""
    signatures: npt.NDArray[np.uint32]
    """uint32[documents, permutations]"""


@dataclass(frozen=True)
class BandKeys:
    """How signatures become keys."""

    bands: int
    rows: int
    per_dump: bool = False
    """whether the keys of different dumps differ"""
    across_dumps: bool = True
    """whether each document has keys that don't"""
    contained_rows: int = 0
    """rows of the bands, of the whole signature, that find who may be inside another; 0: none"""

    @staticmethod
    def of(stage: StageSettings) -> "BandKeys":
        """What a phase's settings say."""
        return BandKeys(**stage.settings["keys"])

    def keys(self, signed: npt.NDArray[np.uint32], dumps: pa.Array | None) -> UInt64:
        """The keys of documents with these signatures, uint64[documents, keys of each].

        Within dumps and across them both kinds of keys are needed: what is alike in a dump meets there whoever came
        first in the others.
        """
        keys = band_keys(signed, self.bands, self.rows)
        if self.contained_rows:
            more = band_keys(signed, max(1, signed.shape[1] // self.contained_rows), self.contained_rows)
            keys = np.concatenate([keys, more ^ _CONTAINED], axis=1)
        if dumps is None:
            return keys
        own = keys ^ text_hashes(*text_buffers(dumps.cast(pa.large_string())))[:, :1]
        return np.concatenate([own, keys], axis=1) if self.across_dumps else own


def read_windows(task: Task, stage: StageSettings) -> Iterator[Window]:
    """The windows of the task's shard that have such documents. Settings: keys (`BandKeys`)."""
    settings = BandKeys.of(stage)
    columns = [signature_column_of(stage.name), *(["dump"] if settings.per_dump else [])]
    waiting: list[Window] = []
    for numbers, batch in read_kept_rows(task, columns):
        signed, known = stored_signatures(batch.column(0))
        dumps = batch.column("dump").filter(pa.array(known)) if settings.per_dump else None
        keys = settings.keys(signed, dumps)
        numbers = numbers[known]
        cuts = np.flatnonzero(np.diff(numbers // WINDOW_ROWS)) + 1
        for part in map(Window, *(np.split(values, cuts) for values in (numbers, keys, signed))):
            if waiting and len(part.rows) and waiting[-1].rows[-1] // WINDOW_ROWS != part.rows[0] // WINDOW_ROWS:
                yield _join(waiting)
                waiting = []
            if len(part.rows):
                waiting.append(part)
    if waiting:
        yield _join(waiting)


def _join(parts: list[Window]) -> Window:
    return Window(*map(np.concatenate, zip(*parts, strict=True)))
