"""A map stage that rewrites text: only documents that a fast search suspects are looked at any closer."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from pipeline.stage import MapConfig, MapStage, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

ConfigT = TypeVar("ConfigT", bound=MapConfig)


class RewritingStage(MapStage[ConfigT]):
    """Rewrites the text of some documents, and says in its measured columns (uint32, 0 elsewhere) what it changed.

    Unlike a stage that judges, it leaves documents outside `domains` alone in the text pass.
    """

    rewrites = True

    @abstractmethod
    def counted(self) -> tuple[str, ...]:
        """The names of the measured columns, without the stage's own."""

    @abstractmethod
    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """bool: the documents that may have to be rewritten. `texts` is large_string, never null."""

    @abstractmethod
    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """The new texts (large_string) of suspects, and an array for each name in `counted`."""

    def measured(self) -> "tuple[pa.Field, ...]":
        """The columns of `counted`."""
        import pyarrow as pa

        return tuple(pa.field(f"{self.name}.{name}", pa.uint32()) for name in self.counted())

    def text_settings(self) -> Settings:
        """All settings, `domains` among them."""
        return self.config.model_dump(mode="json", exclude={"early"})

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Rewrites suspects in `text`, appends the counts."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        at = batch.schema.get_field_index("text")
        texts = batch.column(at).cast(pa.large_string())
        mask = self.suspects(texts)
        if self.config.domains is not None:
            domains = pa.array(self.config.domains, pa.string())
            mask = pc.and_(mask, pc.is_in(batch.column("domain").cast(pa.string()), domains))
        rows = pc.indices_nonzero(mask).to_numpy()
        counts = [np.zeros(batch.num_rows, np.uint32) for _ in self.counted()]
        if len(rows):
            rewritten, found = self.rewrite(texts.take(pa.array(rows)))
            texts = pc.replace_with_mask(texts, mask, rewritten)
            for count, values in zip(counts, found, strict=True):
                count[rows] = values
            batch = batch.set_column(at, pa.field("text", pa.large_string()), texts)
        for field, count in zip(self.measured(), counts, strict=True):
            batch = batch.append_column(field, pa.array(count, pa.uint32()))
        return batch


def rewrite_lines(
    texts: "pa.Array", pattern: str, rewrite: Callable[[str], tuple[str, Sequence[int]]], kinds: int
) -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
    """The texts (large_string) with each line that matches the RE2 pattern given to `rewrite`.

    `rewrite` gives the new line and how much of each of `kinds` kinds was changed; these sums are returned per text.
    Only lines that match become Python strings.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    split = pc.split_pattern(texts, "\n")
    lines = split.flatten()
    mask = pc.match_substring_regex(lines, pattern)
    rows = pc.indices_nonzero(mask).to_numpy()
    rewritten = [rewrite(line) for line in lines.take(pa.array(rows)).to_pylist()]
    lines = pc.replace_with_mask(lines, mask, pa.array([line for line, _ in rewritten], pa.large_string()))
    offsets = split.offsets.to_numpy() - split.offsets[0].as_py()
    owners = np.searchsorted(offsets, rows, side="right") - 1
    counts = []
    for kind in range(kinds):
        count = np.zeros(len(texts), np.uint32)
        np.add.at(count, owners, np.array([found[kind] for _, found in rewritten], np.uint32))
        counts.append(count)
    joined = pc.binary_join(
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), lines), pa.scalar("\n", pa.large_string())
    )
    return joined, counts


def without_lines(
    split: "pa.ListArray", removed: "npt.NDArray[np.bool_]", separator: str = "\n"
) -> "tuple[pa.Array, npt.NDArray[np.uint32], npt.NDArray[np.uint32]]":
    """Texts put together again from their lines (list of large_string) but for those `removed` (bool, per line).

    Also how many lines, and bytes with their line feeds, each text lost. `separator` (ASCII) is what it was split at.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = split.flatten()
    taken = np.where(removed, pc.binary_length(lines).to_numpy() + len(separator), 0)
    ends = split.offsets.to_numpy() - split.offsets[0].as_py()
    lines_before = np.concatenate([[0], np.cumsum(removed)])[ends]
    bytes_before = np.concatenate([[0], np.cumsum(taken)])[ends]
    kept = pa.ListArray.from_arrays(pa.array(ends - lines_before, pa.int32()), lines.filter(pa.array(~removed)))
    joined = pc.binary_join(kept, pa.scalar(separator, pa.large_string()))
    return joined, np.diff(lines_before).astype(np.uint32), np.diff(bytes_before).astype(np.uint32)
