"""The texts without the passages that repeat."""

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.dedup.cut_spans import cut_spans
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.repeated_spans.records import read_rows_with_records
from dspipe.stages.repeated_spans.spans import Spans, format_spans, merge, parse_spans

_SPANS = pa.schema({"row": pa.uint32(), "start": pa.uint32(), "end": pa.uint32()})
_LONG_BYTES = 1 << 16
"""what is left of a text is not copied to see whether it is all blanks where it is longer"""


def cut_texts(task: Task, stage: StageSettings) -> None:
    """Cut what repeats. Settings: whole, what is cut whole; min_left, characters that must be left."""
    spans, removed = f"{stage.name}.spans", f"{stage.name}.removed"
    columns = ["text", "text_bytes", "reason", spans]
    for first, batch, found in read_rows_with_records(task, _SPANS, columns):
        dropped = merge(parse_spans(batch[spans]), Spans(found["row"] - first, found["start"], found["end"]))
        text = before = batch["text"].cast(pa.large_string())
        if len(dropped.rows):
            data, offsets, cut = cut_spans(*text_buffers(before), *dropped, stage.settings["whole"])
            text, dropped = text_column(data, offsets), Spans(*cut)
        if before.null_count:  # the text of documents that were dropped early isn't stored, but its size is
            text = pc.if_else(pc.is_valid(before), text, pa.scalar(None, pa.large_string()))
        left = pc.fill_null(pc.binary_length(text), 0)
        size = pc.subtract(pc.fill_null(pc.binary_length(before), 0), left)
        looked_at = pc.and_(pc.greater(size, 0), pc.less(left, _LONG_BYTES))
        characters = pc.utf8_length(pc.utf8_trim_whitespace(text.filter(looked_at)))
        short = pc.replace_with_mask(looked_at, looked_at, pc.less(characters, stage.settings["min_left"]))
        reason = pc.if_else(short, f"{stage.name}.nothing_left", pa.scalar(None, pa.string()))
        arrays = [
            text,
            pc.subtract(batch["text_bytes"], size),
            pc.coalesce(batch["reason"], reason),
            format_spans(dropped, batch.num_rows),
            size.cast(pa.uint32()),
        ]
        task.write(pa.RecordBatch.from_arrays(arrays, names=[*columns, removed]))
        task.count("spans", len(dropped.rows))
        task.count("bytes", pc.sum(size).as_py() or 0)
        task.progress(documents=batch.num_rows, bytes=before.nbytes)
