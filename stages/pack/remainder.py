"""What is less than a row at the end of each partition, on its way to the tail shard."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.stages.pack.document_table import Documents
from dspipe.stages.pack.segments import Pieces

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def rest_records(documents: Documents, rest: Pieces, row: npt.NDArray[Any]) -> pa.RecordBatch:
    """One record for each piece of a partition's last, short row."""
    arrays, chosen = documents.arrays, rest.document
    offsets = np.append(rest.column, rest.column[-1] + rest.length[-1])
    cuts = arrays["cuts"][chosen]
    columns = {
        "id": pa.array([documents.id(int(number)) for number in chosen], pa.string()),
        "copy": pa.array(arrays["copy"][chosen]),
        "domain": pa.array([documents.domains[code] for code in arrays["domain"][chosen]], pa.string()),
        "source": pa.array([documents.sources[code] for code in arrays["source"][chosen]], pa.string()),
        "layout": pa.array(arrays["layout"][chosen]),
        "cut_start": pa.array(cuts[:, 0]),
        "cut_end": pa.array(cuts[:, 1]),
        "document_tokens": pa.array(arrays["tokens"][chosen]),
        "start": pa.array(rest.start),
        "tokens": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(row)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def received_rests(
    task: "Task",
) -> tuple[Documents, npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The rests as a table of documents (one for each), where each starts in its document, tokens, lengths."""
    batches = [batch for _, batch in task.received()]
    if not batches:
        none = np.empty(0, np.int64)
        return Documents({"tokens": none}, [], []), none, np.empty(0, np.uint16), none
    records = pa.Table.from_batches(batches).combine_chunks()

    def column(name: str) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = records.column(name).to_numpy()
        return values

    arrays: dict[str, npt.NDArray[Any]] = {name: column(name) for name in ("copy", "layout")}
    arrays["tokens"] = column("document_tokens")
    arrays["cuts"] = np.stack([column("cut_start"), column("cut_end")], axis=1)
    names: dict[str, list[str]] = {}
    for name in ("domain", "source"):
        values = records.column(name).to_pylist()
        names[name] = sorted(set(values))
        arrays[name] = np.array([names[name].index(value) for value in values], np.int32)
    arrays["ids"], arrays["id_offsets"] = text_buffers(records.column("id"))
    lists = records.column("tokens").combine_chunks()
    return (
        Documents(arrays, names["domain"], names["source"]),
        column("start"),
        lists.flatten().to_numpy(),
        np.diff(lists.offsets.to_numpy()),
    )
