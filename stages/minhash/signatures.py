"""Signatures as a column: made in the text pass, read by every phase."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import signatures
from dspipe.pipeline.stage import StageSettings


def signature_column_of(stage: str) -> str:
    """The name of a stage's column with signatures."""
    return f"{stage}.signature"


def measure(batch: pa.RecordBatch, stage: StageSettings) -> pa.RecordBatch:
    """Add the signature of each text, null where it has no words.

    Settings: shingle, units in a shingle; permutations, the length of a signature; symbols, whether they are units.
    """
    shingle, permutations = stage.settings["shingle"], stage.settings["permutations"]
    text = text_buffers(batch.column("text"))
    signed, units = signatures(*text, shingle, permutations, symbols=stage.settings["symbols"])
    column = signature_array(signed)
    column = pc.if_else(pa.array(units == 0), pa.scalar(None, column.type), column)
    return batch.append_column(signature_column_of(stage.name), column)


def signature_array(signed: npt.NDArray[np.uint32]) -> pa.Array:
    """Signatures (a row each) as a fixed-size binary array, without copying."""
    return pa.Array.from_buffers(pa.binary(4 * signed.shape[1]), len(signed), [None, pa.py_buffer(signed)])


def stored_signatures(column: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """The signatures that aren't null (uint32[n, length]), and which these are (bool[rows])."""
    width = column.type.byte_width // 4
    known = column.is_valid().to_numpy(zero_copy_only=False)
    data = column.buffers()[1]
    values = np.frombuffer(data, np.uint32) if data is not None else np.empty(0, np.uint32)
    return values.reshape(-1, width)[column.offset : column.offset + len(column)][known], known
