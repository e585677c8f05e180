import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers, trainers

from dspipe.tokenizer.byte_alphabet import to_text
from dspipe.tokenizer.counting import (
    WordCounter,
    WordCounts,
)
from dspipe.tokenizer.export import make_files
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.train import Trained, TrainingError, train
from tests.shared import shared
from tests.tokenizer.trained import TEXTS, count, files

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def by_the_library(texts: list[str], vocab: int, scheme: str, min_count: int) -> dict[str, Any]:
    model = {"type": "BPE", "vocab": {}, "merges": []}
    parts = {"version": "1.0", "added_tokens": [], "model": model, "pre_tokenizer": SCHEMES[scheme].hugging_face}
    tokenizer = Tokenizer.from_str(json.dumps(parts))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=vocab, min_frequency=min_count, initial_alphabet=alphabet, show_progress=False),
    )
    trained: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return trained


def merges_of(trained: Trained) -> list[list[str]]:
    tokens = trained.tokens()
    return [[to_text(tokens[left]), to_text(tokens[right])] for left, right in trained.merges.tolist()]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_merges_equal_the_librarys_in_order(scheme: str) -> None:
    model = by_the_library(TEXTS, 700, scheme, 1)
    trained = train(count(TEXTS, scheme), 700, min_count=1)
    assert merges_of(trained) == model["merges"]
    assert trained.vocabulary() == model["vocab"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("aabbc é中文,", max_size=40), max_size=8), st.integers(1, 3))
def test_merges_equal_the_librarys_on_any_text(texts: list[str], min_count: int) -> None:
    words = count(texts)
    if len(words):
        trained = train(words, 300, min_count)
        assert merges_of(trained) == by_the_library(texts, 300, "deepseek", min_count)["merges"]


def test_merges_equal_the_librarys_on_real_text() -> None:
    from dspipe.tokenizer.text_files import read_documents

    paths = [shared(f"text/{name}.jsonl.zst") for name in ("oi-wiki-zh", "udhr", "source-code")]
    texts = [document.text for path in paths for document, _ in zip(read_documents([path]), range(60), strict=False)]
    trained = train(count(texts), 4000, 1)
    assert merges_of(trained) == by_the_library(texts, 4000, "deepseek", 1)["merges"]


def test_progress_is_told() -> None:
    seen: list[int] = []
    trained = train(count(TEXTS), 500, 1, seen.append)
    assert seen[-1] == len(trained.merges) == 244


def test_words_may_come_in_parts() -> None:
    parts = [count(TEXTS[:3]), count(TEXTS[3:]), count([""]), count(["a word seen often"])]
    parts[-1] = WordCounts(parts[-1].data, parts[-1].offsets, parts[-1].counts * (1 << 40))
    together = WordCounter()
    for part in parts:
        together.add_words(part)
    expected, found = train(together.words(), 700, 1), train(parts, 700, 1)
    assert found.merges.tolist() == expected.merges.tolist()
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.counts[0] > 1 << 40


def test_a_corpus_with_few_merges_gives_fewer_tokens() -> None:
    trained = train(count(["abab abab"]), 1000)
    assert [bytes(token) for token in trained.tokens()[256:]] == [b"ab", b"abab"]
    assert trained.counts.tolist() == [4, 2]
    contents = make_files(trained, TrainSettings(vocab=1000))
    added = json.loads(contents["tokenizer.json"])["added_tokens"]
    assert [token["id"] for token in added] == list(range(258, 273))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train(count(TEXTS), 255), "smaller than the 256 bytes"),
        (lambda: train(count(TEXTS), 300, 0), "min_count is 0"),
        (lambda: train(count([]), 300), "no text to train on"),
        (lambda: train(count(["", ""]), 300), "no text to train on"),
        (lambda: files(special=("a", "b", "<pad>")), "collide with tokens of the vocabulary: a, b"),
        (lambda: files(special=("<s>", "</s>", "<pad>", "the"), min_count=1, vocab=700), "vocabulary: the"),
    ],
)
def test_what_cannot_be_trained_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        call()
