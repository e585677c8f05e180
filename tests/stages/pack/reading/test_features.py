from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.pack.reading.features import describe_features
from dspipe.stages.pack.reading.reader import PackedDataset
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents


def test_features_are_those_of_samples(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path, make_documents(20), length=16))
    data = PackedDataset(tmp_path / "run")
    assert data.features == describe_features(16) and data.column_names == list(data[0])
    for name, value in data[0].items():
        feature = data.features[name]
        row = isinstance(value, np.ndarray)
        assert row == (feature["_type"] == "List")
        if row:
            assert (str(value.dtype), len(value)) == (feature["feature"]["dtype"], feature["length"])


def test_hugging_faces_datasets_takes_them(tmp_path: Path) -> None:
    library = pytest.importorskip("datasets", reason="datasets is not installed")
    run_inline(make_config(tmp_path, make_documents(20), length=16))
    data = PackedDataset(tmp_path / "run")
    features = library.Features.from_dict(data.features)
    theirs = library.IterableDataset.from_generator(lambda: iter(data), features=features).with_format("numpy")
    for own, sample in zip(data, theirs, strict=True):
        assert all(np.array_equal(own[name], sample[name]) for name in data.column_names)
    whole = library.Dataset.from_dict(data[:], features=features).with_format("numpy")
    assert len(whole) == len(data) and np.array_equal(whole[2:5]["tokens"], data[2:5]["tokens"])
