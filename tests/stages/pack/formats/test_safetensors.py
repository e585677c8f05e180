"""Arrays in the safetensors layout."""

import io
from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays


def test_arrays_are_safetensors(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = {
        "small": np.arange(3, dtype=np.uint8),
        "empty": np.empty((0, 2), np.int64),
        "wide": np.arange(4, dtype=np.uint64),
    }
    out = io.BytesIO()
    save_arrays(out, arrays, {"names": '["ü"]'})
    (tmp_path / "x").write_bytes(out.getvalue())
    found, metadata = load_arrays(tmp_path / "x")
    assert metadata == {"names": '["ü"]'}
    assert {name: array.tolist() for name, array in found.items()} == {k: v.tolist() for k, v in arrays.items()}
    for length in (4, 20, len(out.getvalue()) - 1):
        (tmp_path / "short").write_bytes(out.getvalue()[:length])
        with pytest.raises(ValueError, match="cut short"):
            load_arrays(tmp_path / "short")
