"""Reading model files: what is no model is refused, and what is damaged does no harm."""

import random
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.fasttext.classify import Classifier
from dspipe.kernels.fasttext.model import ModelError, read_model
from dspipe.kernels.jit import INTERPRETED
from tests.kernels.fasttext.test_classify import predict

fasttext = pytest.importorskip("fasttext")


def test_a_mapped_matrix_gives_the_same(trained: dict[str, Path]) -> None:
    texts = ["alpha beta große", "語言 это"]
    copied, mapped = read_model(trained["both"]), read_model(trained["both"], map_above=0)
    assert np.array_equal(copied.inputs, mapped.inputs)
    assert predict(Classifier(copied), texts) == predict(Classifier(mapped), texts)


def test_files_that_are_no_model(trained: dict[str, Path], tmp_path: Path) -> None:
    whole = trained["hs-pruned"].read_bytes()
    bad = tmp_path / "bad.ftz"
    for size in [0, 3, 63, *range(64, len(whole), 97), len(whole) - 1]:
        bad.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            read_model(bad)
    bad.write_bytes(b"PK" + whole[2:])
    with pytest.raises(ModelError, match="magic"):
        read_model(bad)
    bad.write_bytes(whole[:4] + struct.pack("<i", 99) + whole[8:])
    with pytest.raises(ModelError, match="version 99"):
        read_model(bad)
    bad.write_bytes(whole + b"more")
    with pytest.raises(ModelError, match="after the model's end"):
        read_model(bad)
    vectors = fasttext.train_unsupervised(
        str(trained["hs"].parent / "train.txt"), dim=4, bucket=9, thread=11, verbose=0
    )
    vectors.save_model(str(bad))
    with pytest.raises(ModelError, match="word vectors"):
        read_model(bad)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_damaged_models_are_refused_or_harmless(trained: dict[str, Path], tmp_path: Path) -> None:
    """Bytes changed anywhere, most of them where the numbers are that everything else is read by."""
    draw, bad = random.Random(1), tmp_path / "bad.bin"
    data, offsets = text_buffers(pa.array(["a few words", "", "ünïcödé 数据 " * 9], pa.large_string()))
    answers: Counter[str] = Counter()
    for _ in range(30 if INTERPRETED else 600):
        damaged = bytearray(trained[draw.choice(sorted(trained))].read_bytes())
        for _ in range(draw.choice([1, 1, 2, 5])):
            at = draw.randrange(draw.choice([64, 200, 1000, len(damaged)]))
            damaged[at] = draw.choice([0, 1, 127, 128, 255, draw.randrange(256)])
        bad.write_bytes(damaged)
        try:
            classifier = Classifier(read_model(bad))
        except ModelError:
            answers["refused"] += 1
            continue
        found = classifier.predict(data, offsets)
        assert found.label.min() >= -1
        assert found.label.max() < len(classifier.labels)
        answers["harmless"] += 1
    assert min(answers["refused"], answers["harmless"]) > (3 if INTERPRETED else 100)
