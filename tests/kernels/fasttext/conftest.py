"""Small fastText models, trained by the package itself."""

import random
from pathlib import Path

import pytest

WORDS = ["alpha", "beta", "große", "Straße", "это", "язык", "語言", "日本語", "x", "</s", "a" * 40]
MODELS = {
    "softmax": {"loss": "softmax", "minn": 2, "maxn": 4},
    "hs": {"loss": "hs", "minn": 1, "maxn": 3},
    "ova": {"loss": "ova", "minn": 0, "maxn": 0},
    "ns": {"loss": "ns", "minn": 3, "maxn": 5},
    "words": {"loss": "softmax", "minn": 0, "maxn": 0, "wordNgrams": 3},
    "both": {"loss": "softmax", "minn": 2, "maxn": 3, "wordNgrams": 2},
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small models of every kind, trained on made-up text in three labels, and two pruned and quantized ones."""
    fasttext = pytest.importorskip("fasttext")
    folder, draw = tmp_path_factory.mktemp("models"), random.Random(5)
    lines = []
    for number in range(600):
        label = ("en", "ru", "zh")[number % 7 % 3]
        words = draw.choices(WORDS[number % 3 :: 3] + WORDS[:2], k=draw.randint(1, 12))
        lines.append(f"__label__{label} {' '.join(words)}\n")
    (folder / "train.txt").write_text("".join(lines), encoding="utf-8")
    # with fewer than 11 threads the package leaves part of the matrix uninitialized (DenseMatrix::uniformThread)
    common = {"dim": 12, "bucket": 500, "epoch": 8, "thread": 11, "verbose": 0}
    paths = {}
    for name, options in MODELS.items():
        model = fasttext.train_supervised(str(folder / "train.txt"), **{**common, **options})
        paths[name] = folder / f"{name}.bin"
        model.save_model(str(paths[name]))
        if name in ("hs", "both"):
            model.quantize(str(folder / "train.txt"), cutoff=300, qnorm=name == "hs", dsub=5, verbose=0)
            paths[f"{name}-pruned"] = folder / f"{name}.ftz"
            model.save_model(str(paths[f"{name}-pruned"]))
    return paths
