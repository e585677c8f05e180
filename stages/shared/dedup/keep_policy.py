"""Which copy is kept: a list of criteria from the config, made a total order, so that it never depends on arrival.

    oldest, newest      by document number, which ascends with dump, shard and row: ends the list
    longest             the most bytes of text
    source              the earliest in `sources`; those not named come last
    none                stands alone: every document goes that has a copy; they are compared oldest first
    any other name      a numeric column of an earlier stage (`quality`, say): the highest; null and NaN come last

What is left equal is decided by `oldest`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.stage import Settings

NONE = "none"


@dataclass(frozen=True)
class KeepPolicy:
    """The order of the copies of a document, the best first."""

    keep: tuple[str, ...]
    """the criteria, the first decides first"""
    sources: tuple[str, ...] = ()
    """names of sources, the most wanted first"""

    @staticmethod
    def of(settings: Settings) -> "KeepPolicy":
        """What a phase's settings `keep` and `sources` say."""
        return KeepPolicy(tuple(settings["keep"]), tuple(settings["sources"]))

    @property
    def settings(self) -> Settings:
        """What `of` reads."""
        return {"keep": list(self.keep), "sources": list(self.sources)}

    @property
    def newest(self) -> bool:
        """Whether the newest copy is kept of those that all other criteria leave equal."""
        return "newest" in self.keep

    @property
    def keeps_none(self) -> bool:
        """Whether the best copy goes too."""
        return NONE in self.keep

    @property
    def order_names(self) -> list[str]:
        """What the columns are called that `order` makes."""
        return [f"order{number}" for number in range(len(self._criteria))]

    def columns(self) -> tuple[str, ...]:
        """The row columns that the criteria read."""
        return tuple({"longest": "text_bytes"}.get(name, name) for name in self._criteria)

    def order(self, batch: pa.RecordBatch) -> dict[str, UInt64]:
        """Per criterion a uint64 for each row, the less the better. Raises TypeError for a column without numbers."""
        orders: dict[str, UInt64] = {}
        for order, name, column in zip(self.order_names, self._criteria, self.columns(), strict=True):
            values = batch.column(column)
            if name == "source":
                ranks = pc.fill_null(pc.index_in(values, pa.array(self.sources, pa.string())), len(self.sources))
                orders[order] = ranks.to_numpy(zero_copy_only=False).astype(np.uint64)
                continue
            if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
                raise TypeError(f"`keep` names {column}, whose values are {values.type} and not numbers")
            numbers = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy(zero_copy_only=False)
            orders[order] = _descending(numbers)
        return orders

    def sort(self, groups: Sequence[UInt64], orders: Sequence[UInt64], documents: UInt64) -> npt.NDArray[np.int64]:
        """The positions that sort documents by group, within a group the best copy first.

        `orders` are the values of `order`.
        """
        age = ~documents if self.newest else documents
        return np.lexsort([age, *reversed(list(orders)), *reversed(list(groups))])

    @property
    def _criteria(self) -> list[str]:
        return [name for name in self.keep if name not in ("oldest", "newest", NONE)]


def _descending(numbers: npt.NDArray[np.float64]) -> UInt64:
    """uint64 in the opposite order of the numbers (by their IEEE 754 bits), NaN last, -0 as 0."""
    bits = (numbers + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    ascending = np.where(bits & sign, ~bits, bits | sign)
    return np.where(np.isnan(numbers), np.uint64(2**64 - 1), ~ascending)
