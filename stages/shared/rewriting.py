"""A map stage that rewrites text: only documents that a fast search suspects are looked at any closer.

What is rewritten is taken in parts of a few megabytes, long documents cut at line ends, so that the copies which this
takes are of a part and not of a batch or of a document.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from dspipe.pipeline.stage import MapConfig, MapStage, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.arrow import Bytes, Offsets

ConfigT = TypeVar("ConfigT", bound=MapConfig)

PART = 4 << 20
"""bytes of text that are rewritten at a time"""
_WINDOW = 64 << 10
# between a word and a blank before another word, or between two Chinese characters: nothing that is masked, repaired or
# composed reaches across
_WITHIN_LINE = re.compile(rb"[a-z](?= [a-z])|[\xe4-\xe9][\x80-\xbf]{2}(?=[\xe4-\xe9])")


class RewritingStage(MapStage[ConfigT]):
    """Rewrites the text of some documents, and says in its measured columns (uint32, 0 elsewhere) what it changed.

    Unlike a stage that judges, it leaves documents outside `domains` alone in the text pass.
    """

    rewrites = True
    whole_lines: ClassVar[bool] = False
    """Whether lines are removed, or judged whole: then lines of more than PART bytes aren't cut. Empty lines must stay,
    or documents taken in parts come out otherwise than whole."""

    @abstractmethod
    def counted(self) -> tuple[str, ...]:
        """The names of the measured columns, without the stage's own."""

    @abstractmethod
    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """bool: the documents that may have to be rewritten. `texts` is large_string, never null."""

    @abstractmethod
    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """The new texts (large_string) of suspects, and an array for each name in `counted`."""

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        """The columns of `counted`."""
        import pyarrow as pa

        return tuple(pa.field(f"{self.name}.{name}", pa.uint32()) for name in self.counted())

    def measure_settings(self) -> Settings:
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
        concerned = self.concerned(batch)
        mask = mask if concerned is None else pc.and_(mask, concerned)
        chosen = mask.to_numpy(zero_copy_only=False)
        counts = [np.zeros(batch.num_rows, np.uint32) for _ in self.counted()]
        if chosen.any():
            texts = self._rewritten(texts, chosen, counts)
            batch = batch.set_column(at, pa.field("text", pa.large_string()), texts)
        for name, count in zip(self.counted(), counts, strict=True):
            batch = batch.append_column(pa.field(f"{self.name}.{name}", pa.uint32()), pa.array(count, pa.uint32()))
        return batch

    def _rewritten(
        self, texts: "pa.Array", chosen: "npt.NDArray[np.bool_]", counts: "list[npt.NDArray[np.uint32]]"
    ) -> "pa.Array":
        """The texts with the chosen ones rewritten, and what was changed in each added to `counts`."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.kernels.arrow import text_buffers, text_column

        data, offsets = text_buffers(texts)
        result, sizes = bytearray(), np.zeros(len(texts) + 1, np.int64)
        for low, high in _row_ranges(offsets):
            if not chosen[low:high].any():
                sizes[low + 1 : high + 1] = np.diff(offsets[low : high + 1])
                result += data[offsets[low] : offsets[high]].data
            elif offsets[high] - offsets[low] > PART:
                sizes[high] = self._rewrite_long(data, offsets[low], offsets[high], result, low, counts)
            else:
                part, mask = texts.slice(low, high - low), pa.array(chosen[low:high])
                new, found = self.rewrite(part.filter(mask))
                for count, values in zip(counts, found, strict=True):
                    count[low:high][chosen[low:high]] = values
                new_data, new_offsets = text_buffers(pc.replace_with_mask(part, mask, new))
                sizes[low + 1 : high + 1] = np.diff(new_offsets)
                result += new_data[new_offsets[0] : new_offsets[-1]].data
        return text_column(np.frombuffer(result, np.uint8), np.cumsum(sizes))

    def _rewrite_long(
        self,
        data: "Bytes",
        start: int,
        end: int,
        result: bytearray,
        row: int,
        counts: "list[npt.NDArray[np.uint32]]",
    ) -> int:
        """Append the document data[start:end], rewritten in pieces, to `result`; returns its new size."""
        import numpy as np

        from dspipe.kernels.arrow import text_buffers, text_column

        before = len(result)
        for low, high in _pieces(data, start, end, self.whole_lines):
            piece = text_column(data[low:high], np.array([0, high - low]))
            new, found = self.rewrite(piece) if self.suspects(piece)[0].as_py() else (piece, [])
            for count, values in zip(counts, found, strict=bool(found)):
                count[row] += values[0]
            new_data, new_offsets = text_buffers(new)
            result += new_data[new_offsets[0] : new_offsets[-1]].data
            nothing_left = self.whole_lines and new_offsets[0] == new_offsets[-1]
            if nothing_left and high == end and len(result) > before and not _has_empty_line(piece):
                del result[-1]  # the line feed before the last lines, which are gone
        return len(result) - before


def _row_ranges(offsets: "Offsets") -> Iterator[tuple[int, int]]:
    """Ranges of neighbouring rows that have PART bytes at most, or are one row."""
    import numpy as np

    low, rows = 0, len(offsets) - 1
    while low < rows:
        high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + PART, "right")) - 1)
        yield low, high
        low = high


def _pieces(data: "Bytes", start: int, end: int, whole_lines: bool) -> Iterator[tuple[int, int]]:
    """Cut data[start:end] behind line feeds to pieces of PART bytes at most; lines of more are cut too, or are one."""
    text = data.data
    while end - start > PART:
        cut = bytes(text[start : start + PART]).rfind(b"\n") + start + 1
        if cut == start and not whole_lines:
            match = _WITHIN_LINE.search(text, start + PART - _WINDOW, end)
            cut = match.end() if match else end
        elif cut == start:
            cut = _behind_line_feed(text, start + PART, end)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _has_empty_line(piece: "pa.Array") -> bool:
    """Whether one of the text's lines is empty: the one behind a last line feed is, too."""
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(piece, "(?m)^$")[0].as_py())


def _behind_line_feed(text: memoryview, start: int, end: int) -> int:
    while start < end:
        found = bytes(text[start : min(start + PART, end)]).find(b"\n")
        if found >= 0:
            return start + found + 1
        start += PART
    return end


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
