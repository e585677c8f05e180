"""A sample of documents in a file: a JSON object a line, or Parquet."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.inspection.sample import DocumentSample, SampledDocument
from dspipe.pipeline.visible_text import visible_json

_MEASURED = pa.struct(
    {"column": pa.string(), "value": pa.string(), "asks": pa.string(), "reason": pa.string(), "broken": pa.bool_()}
)
_SPAN = pa.struct({"start": pa.int64(), "end": pa.int64(), "what": pa.string()})
SCHEMA = pa.schema(
    {
        **dict.fromkeys(("id", "url", "domain", "language", "verdict", "stage", "reason", "side"), pa.string()),
        "stratum": pa.map_(pa.string(), pa.string()),
        "measured": pa.list_(_MEASURED),
        "text": pa.large_string(),
        "text_is": pa.string(),
        "spans": pa.list_(_SPAN),
        "number": pa.uint64(),
    }
)
SUFFIXES = (".jsonl", ".parquet")


def json_lines(sample: DocumentSample) -> Iterator[str]:
    """Each document as a JSON object on a line; controls within strings are escaped."""
    for document in sample.documents:
        yield visible_json(json.dumps(document.as_json(), ensure_ascii=False))


def write_sample(sample: DocumentSample, file: Path) -> None:
    """Write `file`, whose suffix says which of SUFFIXES it is. Raises StorageError."""
    if file.suffix not in SUFFIXES:
        raise StorageError(f"cannot write {file}: its name must end in {' or '.join(SUFFIXES)}")
    try:
        if file.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist([_row(one) for one in sample.documents], SCHEMA), file)
        else:
            # a lone surrogate can't be written
            file.write_bytes("".join(f"{line}\n" for line in json_lines(sample)).encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"cannot write {file}: {error.strerror or error}") from None


def _row(document: SampledDocument) -> dict[str, object]:
    row = document.as_json()
    # values of all types in one column
    measured = [{**one, "value": None if one["value"] is None else str(one["value"])} for one in row["measured"]]
    return {**row, "measured": measured, "stratum": list(row["stratum"].items())}
