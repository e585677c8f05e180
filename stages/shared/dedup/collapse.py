"""Equal documents of a batch as one record: what is sent of a page that is everywhere is a few bytes for each copy."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.sorted_arrays import starts_run
from dspipe.pipeline.doc_id import UInt32, UInt64
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy


def collapse_equal_rows(
    policy: KeepPolicy, groups: Sequence[UInt64], orders: dict[str, UInt64], rows: UInt32
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    """Rows of one batch that are equal in all `groups` as one record: (position of its best row, columns).

    Columns: `row`, the number of the best row in the shard, `copies`, the other rows (list of uint32), and `first`, the
    smallest of all of them.
    """
    order = policy.sort(groups, list(orders.values()), rows.astype(np.uint64))
    begins = starts_run(*(values[order] for values in groups))
    starts = np.flatnonzero(begins)
    sorted_rows = rows[order]
    lengths = np.diff(np.append(starts, len(order))) - 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    copies = pa.ListArray.from_arrays(pa.array(offsets), pa.array(sorted_rows[~begins]))
    first = np.minimum.reduceat(sorted_rows, starts) if len(starts) else sorted_rows
    return order[starts], {"row": pa.array(sorted_rows[starts]), "copies": copies, "first": pa.array(first)}


def documents_of_records(columns: pa.Table) -> npt.NDArray[np.int64]:
    """How many documents each record of `collapse_equal_rows` stands for."""
    lengths: npt.NDArray[np.int32] = pc.list_value_length(columns.column("copies")).to_numpy()
    return lengths.astype(np.int64) + 1
