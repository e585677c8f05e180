"""What is less than a row at the end of each partition, on its way to the tail shard."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import Documents, Int32
from dspipe.stages.pack.segments import Int64, Segments


@dataclass(frozen=True)
class Remainders:
    """The segments in the last, short rows of all partitions, in partition order: each is of a document of its own.

    `documents` are as long as the documents are; starts int64[n] is where each segment starts in its document, lengths
    int64[n] its tokens, and `tokens` (uint16 or uint32) those of all, one behind the other.
    """

    documents: Documents
    starts: Int64
    lengths: Int64
    tokens: npt.NDArray[Any]


def make_records(documents: Documents, remainder: Segments, row: npt.NDArray[Any]) -> pa.RecordBatch:
    """One record for each segment of a partition's last, short row, whose tokens are `row`."""
    chosen = remainder.document
    offsets = np.append(remainder.column, remainder.column[-1] + remainder.length[-1])
    columns = {
        "id": pa.array([documents.id(int(number)) for number in chosen], pa.string()),
        "copy": pa.array(documents.copy[chosen]),
        "domain": pa.array([documents.domains[code] for code in documents.domain[chosen]], pa.string()),
        "source": pa.array([documents.sources[code] for code in documents.source[chosen]], pa.string()),
        "layout": pa.array(documents.layout[chosen]),
        "cut_start": pa.array(documents.cuts[chosen, 0]),
        "cut_end": pa.array(documents.cuts[chosen, 1]),
        **({} if documents.drawn is None else {"drawn": pa.array(documents.drawn[chosen])}),
        "document_tokens": pa.array(documents.tokens[chosen]),
        "start": pa.array(remainder.start),
        "tokens": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(row)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def read_remainders(task: Task) -> Remainders | None:
    """What all partitions sent; None when none has sent anything."""
    batches = [batch for _, batch in task.received()]
    if not batches:
        return None
    records = pa.Table.from_batches(batches).combine_chunks()
    ids, id_offsets = text_buffers(records.column("id"))
    domain, domains = _encode(records.column("domain"))
    source, sources = _encode(records.column("source"))
    documents = Documents(
        ids=ids,
        id_offsets=id_offsets,
        copy=records.column("copy").to_numpy(),
        domain=domain,
        source=source,
        domains=domains,
        sources=sources,
        tokens=records.column("document_tokens").to_numpy(),
        layout=records.column("layout").to_numpy(),
        cuts=np.stack([records.column(name).to_numpy() for name in ("cut_start", "cut_end")], axis=1),
        drawn=records.column("drawn").to_numpy() if "drawn" in records.column_names else None,
    )
    lists = records.column("tokens").combine_chunks()
    lengths = np.diff(lists.offsets.to_numpy())
    return Remainders(documents, records.column("start").to_numpy(), lengths, lists.flatten().to_numpy())


def _encode(column: pa.ChunkedArray) -> tuple[Int32, list[str]]:
    """The number of each row's name, and the names, sorted."""
    values = column.to_pylist()
    names = sorted(set(values))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[value] for value in values], np.int32), names
