"""Classification against the fasttext package; features.py and tables.py, which have no other use, with it."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.fasttext.classify import Classifier
from dspipe.kernels.fasttext.model import read_model
from dspipe.kernels.jit import INTERPRETED
from dspipe.stages.shared.fasttext_models import find_model
from tests.kernels.fasttext.conftest import MODELS, WORDS
from tests.shared import shared

fasttext = pytest.importorskip("fasttext")

ODD = [
    "",
    " ",
    "\n\n",
    "\0",
    "a\0b",
    "x </s> alpha beta",
    "</s>",
    "__label__en alpha",
    "__label__",
    "\u0301\u0301",
    "שלום עולם",
    "é" * 9,
]


def predict(classifier: Classifier, texts: list[str], **options: object) -> list[tuple[str, float] | None]:
    found = classifier.predict(*text_buffers(pa.array(texts, pa.large_string())), **options)  # type: ignore[arg-type]
    pairs = zip(found.label, found.score, strict=True)
    return [(classifier.labels[label], float(score)) if label >= 0 else None for label, score in pairs]


def expected(model: Any, text: str) -> list[tuple[str, float]]:
    labels, scores = model.predict(text.replace("\n", " "), k=-1)
    return [(label.removeprefix("__label__"), score) for label, score in zip(labels, scores, strict=True)]


def assert_same(classifier: Classifier, model: Any, texts: list[str], sigmoids: bool = False) -> None:
    """`sigmoids`: they come from a table of 512 steps, and a sum at the edge of one may be rounded into the next."""
    other_step = 0
    for text, found in zip(texts, predict(classifier, texts), strict=True):
        answers = expected(model, text)
        assert (found is None) == (not answers), text
        if found is not None:
            if sigmoids and found[1] != pytest.approx(answers[0][1], abs=2e-5):
                other_step += 1
                assert found[1] == pytest.approx(answers[0][1], abs=8e-3), text
                continue
            assert found[1] == pytest.approx(answers[0][1], abs=2e-5), text
            assert found[1] == pytest.approx(dict(answers)[found[0]], abs=2e-5), text
    assert other_step <= 2 + len(texts) // 100


KINDS = [*MODELS, "hs-pruned", "both-pruned"]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_probabilities_are_fasttexts(trained: dict[str, Path], kind: str) -> None:
    classifier, model = Classifier(read_model(trained[kind])), fasttext.load_model(str(trained[kind]))
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 30))) for _ in range(200)]
    assert_same(classifier, model, texts + ODD, kind in ("ns", "ova"))


@pytest.mark.parametrize("kind", ["both", "hs-pruned"])
def test_any_text(trained: dict[str, Path], kind: str) -> None:
    classifier, model = Classifier(read_model(trained[kind])), fasttext.load_model(str(trained[kind]))
    pieces = st.one_of(st.text(max_size=20), st.sampled_from([*WORDS, *ODD]))

    @settings(max_examples=20 if INTERPRETED else 200, deadline=None)
    @given(st.lists(st.lists(pieces, max_size=6).map(" ".join), max_size=4))
    def check(texts: list[str]) -> None:
        assert_same(classifier, model, texts)

    check()


@pytest.mark.parametrize("kind", ["softmax", "hs", "ova"])
def test_probability_of_one_label(trained: dict[str, Path], kind: str) -> None:
    classifier, model = Classifier(read_model(trained[kind])), fasttext.load_model(str(trained[kind]))
    texts = ["alpha beta", "это язык alpha", "x x x"]
    for label in classifier.labels:
        for text, found in zip(texts, predict(classifier, texts, label=label), strict=True):
            assert found is not None and found[0] == label
            assert found[1] == pytest.approx(dict(expected(model, text)).get(label, 0.0), abs=2e-5)


@pytest.mark.parametrize("kind", ["softmax", "hs", "ova"])
def test_probabilities_of_all_labels(trained: dict[str, Path], kind: str) -> None:
    classifier = Classifier(read_model(trained[kind]))
    buffers = text_buffers(pa.array(["alpha beta", "это язык alpha", "", "beta " * 9], pa.large_string()))
    for bound in (0, 6):
        found = classifier.probabilities(*buffers, bound)
        for number, label in enumerate(classifier.labels):
            np.testing.assert_array_equal(found[:, number], classifier.predict(*buffers, bound, label=label).score)


def test_results_do_not_depend_on_the_cache(trained: dict[str, Path]) -> None:
    draw = random.Random(2)
    texts = [" ".join(draw.choices(WORDS, k=20)) for _ in range(40)]
    model = read_model(trained["both"])
    warm = Classifier(model)
    predict(warm, texts)
    assert predict(warm, texts[::-1])[::-1] == [predict(Classifier(model), [text])[0] for text in texts]


def test_bound_reads_the_start_up_to_a_blank_or_a_character(trained: dict[str, Path]) -> None:
    classifier = Classifier(read_model(trained["both"]))
    alone = predict(classifier, ["alpha beta"])
    assert predict(classifier, ["alpha beta это язык"], bound=8) == alone
    assert predict(classifier, ["alpha beta"], bound=10) == alone
    letters = "語" * 100
    for bound in (9, 10, 11):
        assert predict(classifier, [letters], bound=bound) == predict(classifier, ["語" * 3])


def test_reads_on_while_unsure(trained: dict[str, Path]) -> None:
    classifier = Classifier(read_model(trained["both"]))
    text = "alpha beta это язык " * 30
    assert predict(classifier, [text], bound=8, sure=1.1) == predict(classifier, [text])
    assert predict(classifier, [text], bound=8, sure=0.0) == predict(classifier, ["alpha beta"])


def test_sliced_and_empty_columns(trained: dict[str, Path]) -> None:
    classifier = Classifier(read_model(trained["hs"]))
    column = pa.array(["alpha", "это язык", None, "beta"], pa.large_string())
    found = classifier.predict(*text_buffers(column.slice(1, 2)))
    assert predict(classifier, ["это язык", ""]) == [
        (classifier.labels[label], float(score)) for label, score in zip(found.label, found.score, strict=True)
    ]
    assert len(classifier.predict(*text_buffers(column.slice(0, 0))).label) == 0


@pytest.fixture(scope="module")
def lid() -> tuple[Classifier, Any]:
    path = find_model("lid.176.ftz")
    return Classifier(read_model(path)), fasttext.load_model(str(path))


def test_lid_176(lid: tuple[Classifier, Any]) -> None:
    texts = [
        "The quick brown fox.",
        "Der schnelle Fuchs.",
        "委员会下周将再次开会讨论该报告。",
        "быстрая лиса",
        "素早い茶色の狐",
        *ODD,
    ]
    assert_same(*lid, texts)
    assert [found[0] for found in predict(lid[0], texts[:5]) if found] == ["en", "de", "zh", "ru", "ja"]


@pytest.mark.skipif(INTERPRETED, reason="hours uncompiled")
def test_lid_176_on_real_texts(lid: tuple[Classifier, Any]) -> None:
    from benchmarks.common import read_texts

    texts = [text for text in read_texts([shared("text/udhr.jsonl.zst")]) if text][:250]
    found = predict(lid[0], texts)
    for text, pair in zip(texts, found, strict=True):
        labels, scores = lid[1].predict(text.replace("\n", " "))
        assert pair is not None and pair[0] == labels[0].removeprefix("__label__")
        assert pair[1] == pytest.approx(scores[0], abs=2e-5)
    bounded = predict(lid[0], texts, bound=1024, sure=0.75)
    assert np.mean([a[0] == b[0] for a, b in zip(found, bounded, strict=True) if a and b]) > 0.98


@pytest.mark.skipif(INTERPRETED, reason="hours uncompiled")
def test_a_huge_token_and_many_tiny_documents(lid: tuple[Classifier, Any]) -> None:
    classifier = lid[0]
    huge = predict(classifier, ["語" * 3_000_000, "語" * 3_000])
    assert huge[0] is not None and huge[1] is not None and huge[0][0] == huge[1][0]
    offsets = np.arange(1_000_001, dtype=np.int64)
    found = classifier.predict(np.frombuffer(b"a" * 1_000_000, np.uint8), offsets)
    assert len(set(found.label.tolist())) == 1
