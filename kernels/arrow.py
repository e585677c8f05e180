"""Arrow columns as numpy arrays, without copying."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def text_buffers(column: pa.Array | pa.ChunkedArray) -> tuple[Bytes, Offsets]:
    """The bytes (uint8) and the offsets (int64, one more than rows) of a string or binary column.

    Row i is data[offsets[i]:offsets[i + 1]]; offsets[0] may be above 0 when the column is a slice. A null row has no
    bytes. Zero-copy for large_string and large_binary; string and binary have their offsets widened. Both arrays are
    read-only: Arrow's memory isn't ours to write.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        width: type[np.int32] | type[np.int64] = np.int32
    elif pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type):
        width = np.int64
    else:
        raise TypeError(f"not a string or binary column: {column.type}")
    data: Bytes = np.empty(0, np.uint8)
    offsets: Offsets = np.zeros(1, np.int64)
    if len(column):
        _, offset_buffer, data_buffer = column.buffers()
        stored = np.frombuffer(offset_buffer, width)[column.offset : column.offset + len(column) + 1]
        offsets = stored.astype(np.int64, copy=False)
        data = data if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    data.flags.writeable = offsets.flags.writeable = False
    return data, offsets


def text_column(data: Bytes, offsets: Offsets) -> pa.Array:
    """A large_string column over the bytes and offsets of `text_buffers`, without copying; the bytes must be UTF-8."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)
