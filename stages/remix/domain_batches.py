"""A shard's documents as remix sees them: the domain of each, and its place on that domain's axis."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash_strings
from dspipe.stages.remix.epochs import places as places_of
from dspipe.stages.remix.settings import PLACE, Config

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

UNKNOWN = "unknown"
"""The domain of documents whose column is null."""


@dataclass(frozen=True)
class Placed:
    """A batch of n documents: `codes` int64[n] into `names`, `places` float64[n] on the domain's axis, `tokens`
    int64[n] in the unit of the plan, and whether each is still `kept`."""

    batch: pa.RecordBatch
    names: list[str]
    codes: npt.NDArray[np.int64]
    places: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]


def unit_of(task: "Task") -> str:
    """What is counted: `tokens`, or `text_bytes` in a config without a tokenizer."""
    return "tokens" if "tokens" in task.spec.columns else "text_bytes"


def read_placed(task: "Task", config: Config) -> Iterator[Placed]:
    """The shard's documents in batches."""
    key, unit = config.key, unit_of(task)
    place = [] if config.importance is None else [PLACE]
    group_of = {value: name for name, values in (config.groups or {}).items() for value in values}
    for batch in task.rows(list(dict.fromkeys(("id", key, *place, unit, "reason")))):
        column = batch.column(key)
        if config.by == "host":
            column = host(column)
        encoded = pc.fill_null(column.cast("string"), UNKNOWN).dictionary_encode()
        values = encoded.dictionary.to_pylist()
        if config.groups is not None:
            values = [group_of.get(value, "other") for value in values]
        names = sorted(set(values))
        number_of = {name: number for number, name in enumerate(names)}
        codes = np.array([number_of[value] for value in values], np.int64)[encoded.indices.to_numpy()]
        if place:
            places = batch.column(PLACE).to_numpy()
        else:
            places = places_of(hash_strings(*text_buffers(batch.column("id")), np.uint64(task.seed & (1 << 64) - 1)))
        tokens = batch.column(unit).to_numpy(zero_copy_only=False).astype(np.int64)
        kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        yield Placed(batch, names, codes, places, tokens, kept)


def host(urls: pa.Array) -> pa.Array:
    """The hosts of URLs in lower case, without user and port; null where there is none."""
    found = pc.extract_regex(urls, r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/:?#]+)")
    return pc.utf8_lower(pc.struct_field(found, "host"))
