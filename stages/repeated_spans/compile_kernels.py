"""The kernels of the phases called on next to nothing, to compile them."""

import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.cut_spans import cut_spans
from dspipe.kernels.dedup.winnowing import Winnowing, window_hashes
from dspipe.stages.repeated_spans.spans import judge_passages, merge, spans_of_anchors


def compile_kernels(min_bytes: int) -> None:
    """Compile what the phases call."""
    data, offsets = text_buffers(pa.array(["x" * min_bytes] * 2, pa.large_string()))
    anchors = next(Winnowing(data, offsets, min_bytes))
    judge_passages((anchors.gram, anchors.context), anchors.row, anchors.start, min_bytes, 1)
    window_hashes(data, offsets, min_bytes, anchors.row, anchors.start, anchors.owned, anchors.gram_at)
    spans = merge(spans_of_anchors(anchors.row, anchors.start, anchors.owned, min_bytes))
    cut_spans(data, offsets, *spans, "character")
