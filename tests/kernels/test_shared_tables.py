"""Arrays that are built once and mapped."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dspipe.kernels.jit import cache_folder
from dspipe.kernels.shared_tables import shared_arrays


def test_built_once_and_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build() -> dict[str, npt.NDArray[np.int64]]:
        built.append(1)
        return {"large": np.arange(10_000), "empty": np.empty(0, np.int64)}

    for content in "a", "a", "b":
        arrays = shared_arrays("kind", content, "dspipe.kernels.urls.lists", build)
        assert np.array_equal(arrays["large"], np.arange(10_000)) and len(arrays["empty"]) == 0
    assert len(built) == 2
    assert len(list((cache_folder() / "tables").iterdir())) == 2


def test_another_process_may_be_quicker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def slow() -> dict[str, npt.NDArray[np.int64]]:
        shared_arrays("kind", "a", "dspipe.kernels.urls.lists", lambda: {"x": np.array([1])})
        return {"x": np.array([2])}

    assert shared_arrays("kind", "a", "dspipe.kernels.urls.lists", slow)["x"].tolist() == [1]
    assert len(list((cache_folder() / "tables").iterdir())) == 1
