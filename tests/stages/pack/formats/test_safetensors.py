import io
import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays

ARRAYS: dict[str, npt.NDArray[np.integer]] = {
    "small": np.arange(3, dtype=np.uint8),
    "empty": np.empty((0, 2), np.int64),
    "wide": np.arange(4, dtype=np.uint64),
}


def saved() -> bytes:
    out = io.BytesIO()
    save_arrays(out, ARRAYS, {"names": '["ü"]'})
    return out.getvalue()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(saved())
    found, metadata = load_arrays(tmp_path / "x")
    assert metadata == {"names": '["ü"]'}
    assert {name: array.tolist() for name, array in found.items()} == {k: v.tolist() for k, v in ARRAYS.items()}
    assert {name: array.dtype for name, array in found.items()} == {k: v.dtype for k, v in ARRAYS.items()}


def test_by_its_description() -> None:
    data = saved()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    assert (8 + length) % 8 == 0
    start, end = header["wide"]["data_offsets"]
    assert header["wide"]["dtype"] == "U64" and header["wide"]["shape"] == [4]
    assert np.frombuffer(data[8 + length :][start:end], "<u8").tolist() == [0, 1, 2, 3]


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    data = saved()
    for length in (4, 20, len(data) - 1):
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(ValueError, match="cut short"):
            load_arrays(tmp_path / "short")
