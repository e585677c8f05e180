import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers, trainers

from dspipe.kernels.arrow import text_buffers
from dspipe.tokenizer.byte_alphabet import CHARACTER_OF, ID_OF, to_bytes, to_text
from dspipe.tokenizer.counting import (
    MAX_RARE_COUNT,
    WordCounter,
    WordCounts,
    count_positions,
    cut_rare_pairs,
    find_min_thinning,
    thin,
)
from dspipe.tokenizer.encoder import loads
from dspipe.tokenizer.export import FILES, make_files, write_files
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.special_tokens import DEFAULT, name_special_tokens
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


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab": 255}, "smaller than the 256 bytes"),
        ({"special": 2}, "at least begin, end and padding"),
        ({"special": ("<s>", "<s>", "<pad>")}, "collide: <s>"),
        ({"special": ("<s>", "", "<pad>")}, "is empty"),
        ({"pad_to": 100_014}, "below the 100015 tokens"),
        ({"weights": {"web": -1.0}}, "none below 0"),
        ({"scheme": "gpt5"}, "Input should be"),
        ({"sample_bytes": 0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainSettings.model_validate(values)


def test_sizes() -> None:
    default = TrainSettings.model_validate({"sample_bytes": 24e9})
    assert (default.vocab, len(default.special_tokens), default.padded_size) == (100_000, 15, 102_400)
    assert TrainSettings(vocab=8000).padded_size == 8064
    assert TrainSettings(vocab=8000, pad_to=9000).padded_size == 9000
    assert name_special_tokens(17)[15:] == ("<｜reserved▁0｜>", "<｜reserved▁1｜>")


def test_the_files_load_in_the_library_with_the_same_ids(tmp_path: Path) -> None:
    contents = files()
    write_files(contents, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.get_vocab_size(with_added_tokens=True) == 515
    assert [tokenizer.token_to_id(name) for name in DEFAULT] == list(range(500, 515))
    encoder = loads(contents["tokenizer.json"])
    for text in [*TEXTS, " a\n", "\x00ab", "  "]:
        ids = tokenizer.encode(text).ids
        own, _ = encoder.encode(pa.array([text], pa.large_string()))
        assert ids == own.tolist()
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_side_files_name_the_special_tokens() -> None:
    contents = files()
    config = json.loads(contents["tokenizer_config.json"])
    names = json.loads(contents["special_tokens_map.json"])
    assert (config["bos_token"], config["eos_token"], config["pad_token"]) == DEFAULT[:3]
    assert [names["bos_token"], names["eos_token"], names["pad_token"], *names["additional_special_tokens"]] == list(
        DEFAULT
    )
    assert config["model_max_length"] == 4096
    assert {int(number): token["content"] for number, token in config["added_tokens_decoder"].items()} == dict(
        enumerate(DEFAULT, 500)
    )
    model = json.loads(contents["config.json"])
    assert model == {"vocab_size": 640, "bos_token_id": 500, "eos_token_id": 501, "pad_token_id": 502}


def test_the_chat_template_uses_tokens_that_are_there() -> None:
    jinja2 = pytest.importorskip("jinja2")
    config = json.loads(files()["tokenizer_config.json"])
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    shown = jinja2.Template(config["chat_template"]).render(
        messages=messages, bos_token=DEFAULT[0], eos_token=DEFAULT[1], add_generation_prompt=True
    )
    assert shown == f"{DEFAULT[0]}<｜System｜>S<｜User｜>U<｜Assistant｜>"
    assert "chat_template" not in json.loads(files(special=("<s>", "</s>", "<pad>"))["tokenizer_config.json"])


def test_the_byte_alphabet_is_the_librarys() -> None:
    assert sorted(CHARACTER_OF) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(ID_OF) == list(range(256))
    assert to_bytes(to_text(bytes(range(256)))) == bytes(range(256))


def as_counts(words: WordCounts) -> dict[bytes, int]:
    data = words.data.tobytes()
    spans = zip(words.offsets[:-1], words.offsets[1:], words.counts.tolist(), strict=True)
    return {data[start:end]: number for start, end, number in spans}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcde", min_size=1, max_size=12), min_size=1, max_size=30), st.integers(2, 4))
def test_cutting_below_the_last_count_is_exact_for_characters_of_one_byte(texts: list[str], bound: int) -> None:
    words = count(texts)
    cut = cut_rare_pairs([words], [words], bound)
    assert sum(len(word) * n for word, n in as_counts(cut).items()) == sum(len(text) for text in texts)
    whole, shorter = train(words, 400, bound), train(cut, 400, bound)
    assert whole.merges.tolist() == shorter.merges.tolist()
    assert whole.counts.tolist() == shorter.counts.tolist()


def test_thinning_keeps_sums_right_on_average() -> None:
    numbers = np.arange(40_000)
    data = numbers.astype("<u4").view(np.uint8)
    counts = numbers % 12 + 1
    kept, weights = thin(WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), counts), 8)
    assert kept[counts >= 8].all()
    assert (weights == np.maximum(counts[kept], 8)).all()
    for times in range(1, 8):
        rare = counts == times
        assert 8 * kept[rare].sum() == pytest.approx(counts[rare].sum(), rel=0.15)
    assert thin(WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), counts), 1)[0].all()


def test_numbers_as_people_write_them() -> None:
    settings = TrainSettings.model_validate({"sample_bytes": "8MB", "vocab": "1e3", "pad_to": "2K"})
    assert (settings.sample_bytes, settings.vocab, settings.pad_to) == (8_000_000, 1000, 2000)


def test_no_more_is_thinned_out_than_there_is_room_for() -> None:
    numbers = np.arange(20_000)
    data = numbers.astype("<u4").view(np.uint8)
    words = WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), np.where(numbers % 2, 5000, numbers % 12 + 1))
    sizes = count_positions(words)
    assert sizes.sum() == 100_000 and sizes[-1] == 50_000
    assert find_min_thinning(sizes, 100_000) == 0
    for most in (90_000, 70_000, 55_000):
        below = find_min_thinning(sizes, most)
        left = [thin(words, bound)[0].sum() * 5 for bound in (below - 1, below)]
        assert below > 1 and left[1] < 1.02 * most and left[0] > 0.98 * most
    assert find_min_thinning(sizes, 1) == MAX_RARE_COUNT  # which leaves the frequent words


def test_counts_of_batches_add_up() -> None:
    together = WordCounter()
    for text in TEXTS:
        together.add_texts(SCHEMES["deepseek"].pre_tokenizer(), *text_buffers(pa.array([text], pa.large_string())))
    assert as_counts(together.words()) == as_counts(count(TEXTS))


def test_the_files_load_in_transformers_with_the_same_ids(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    contents = files()
    write_files(contents, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    encoder = loads(contents["tokenizer.json"])
    for text in TEXTS:
        own, _ = encoder.encode(pa.array([text], pa.large_string()))
        assert loaded(text)["input_ids"] == own.tolist()
        assert loaded.decode(own.tolist()) == text
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == DEFAULT[:3]
    assert loaded.eos_token_id == 501
    chat = [{"role": "user", "content": "Hi"}]
    shown = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert shown == f"{DEFAULT[0]}<｜User｜>Hi<｜Assistant｜>"
