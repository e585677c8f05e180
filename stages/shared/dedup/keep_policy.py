"""Which copy is kept: a list of criteria from the config, made a total order, so that it never depends on arrival.

    oldest, newest      by document number, which ascends with dump, shard and row: ends the list
    longest             the most bytes of text
    source              the earliest in `sources`; those not named come last
    any other name      a numeric column of an earlier stage (`quality`, say): the highest; null and NaN come last

What is left equal is decided by `oldest`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import StageConfig
from dspipe.pipeline.storage.store import is_remote

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

Criterion = Annotated[str, Field(min_length=1)]


def absolute(path: str) -> str:
    """A local path as it reads from anywhere: workers on other machines have other working directories."""
    return path if is_remote(path) else str(Path(path.removeprefix("file://")).expanduser().absolute())


class KeepConfig(StageConfig):
    """The settings that stages share which keep one copy of several."""

    keep: list[Criterion] = Field(["oldest"])
    """Which copy is kept: oldest, newest, longest, source, or the name of a numeric column; later ones break ties."""
    sources: list[str] = Field([])
    """Names of sources, the most wanted first, for `keep: [source]`."""
    against: list[Annotated[str, Field(min_length=1), AfterValidator(absolute)]] = Field([])
    """Outputs of earlier runs, the oldest first: documents that resemble what these have kept are dropped."""
    scope: Literal["global", "per_dump"] = "global"
    """Whether a document is dropped for a copy in another dump."""
    min_cluster: Annotated[int, Field(ge=2)] | None = None
    """With `scope: per_dump`: in clusters of at least so many documents, all dumps counted and those that an earlier
    stage has dropped not, it is dropped for one in another dump too. 100, say, removes what every crawl has and leaves
    a page its copies from year to year, which are the better part of the older dumps (FineWeb, Penedo et al. 2024,
    3.4). Default: never."""
    index: bool = False
    """Leave an index of the kept documents, for `against` of later runs. May be set when a run has ended: running it
    again makes nothing but the index."""
    alarm_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """A source or host that loses more than this share of its documents is named in the statistics."""


class KeepPolicy:
    """The order of a config's criteria."""

    def __init__(self, config: KeepConfig) -> None:
        self._sources = config.sources
        self._criteria = [name for name in config.keep if name not in ("oldest", "newest")]
        self.newest = "newest" in config.keep
        self.order_names = [f"order{place}" for place in range(len(self._criteria))]

    @staticmethod
    def check(config: KeepConfig) -> None:
        """Raises ConfigError for a list that can't mean what it says."""
        for place, name in enumerate(config.keep):
            if name in ("oldest", "newest") and place + 1 < len(config.keep):
                message = f"nothing can follow `{name}`: no two documents are equally old"
                raise ConfigError(message, ("keep", place + 1))
        if len(set(config.keep)) < len(config.keep):
            raise ConfigError("a criterion is named twice", ("keep",))
        if ("source" in config.keep) != bool(config.sources):
            raise ConfigError("`keep: [source]` and `sources` go together", ("sources",))
        if config.min_cluster is not None and config.scope == "global":
            raise ConfigError("goes with `scope: per_dump`; with `global` clusters of any size go", ("min_cluster",))
        if config.against and config.scope == "per_dump":
            raise ConfigError("the dumps of other runs are others: with `against` the scope is global", ("scope",))

    def columns(self) -> tuple[str, ...]:
        """The row columns that the criteria read."""
        return tuple({"longest": "text_bytes"}.get(name, name) for name in self._criteria)

    def order(self, batch: "pa.RecordBatch") -> "dict[str, npt.NDArray[np.uint64]]":
        """Per criterion a uint64 for each row, the less the better. Raises TypeError for a column without numbers."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        orders = {}
        for order, name, column in zip(self.order_names, self._criteria, self.columns(), strict=True):
            values = batch.column(column)
            if name == "source":
                places = pc.index_in(values, pa.array(self._sources, pa.string()))
                orders[order] = (
                    pc.fill_null(places, len(self._sources)).to_numpy(zero_copy_only=False).astype(np.uint64)
                )
                continue
            if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
                raise TypeError(f"`keep` names {column}, whose values are {values.type} and not numbers")
            numbers = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy(zero_copy_only=False)
            orders[order] = _descending(numbers)
        return orders

    def sort(
        self,
        groups: "Sequence[npt.NDArray[np.uint64]]",
        orders: "Sequence[npt.NDArray[np.uint64]]",
        documents: "npt.NDArray[np.uint64]",
    ) -> "npt.NDArray[np.int64]":
        """Places that sort by group, within a group the best copy first. `orders` are the values of `order`."""
        import numpy as np

        age = ~documents if self.newest else documents
        return np.lexsort([age, *reversed(list(orders)), *reversed(list(groups))])


def _descending(numbers: "npt.NDArray[np.float64]") -> "npt.NDArray[np.uint64]":
    """uint64 in the opposite order of the numbers (by their IEEE 754 bits), NaN last, -0 as 0."""
    import numpy as np

    bits = (numbers + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    ascending = np.where(bits & sign, ~bits, bits | sign)
    return np.where(np.isnan(numbers), np.uint64(2**64 - 1), ~ascending)
