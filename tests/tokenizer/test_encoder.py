import copy
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from dspipe.tokenizer.byte_alphabet import CHARACTER_OF, to_text
from dspipe.tokenizer.encoder import NOT_IN_UTF8, AnyEncoder, HuggingFaceEncoder, TokenizerError, load, loads
from dspipe.tokenizer.schemes import SCHEMES
from tests.kernels.bpe.pieces import HARD
from tests.shared import shared
from tests.tokenizer.trained import TEXTS, config

pytestmark = pytest.mark.filterwarnings("ignore:overflow")
CONFIGS = {name: config(scheme=name) for name in SCHEMES}
USER = "<｜User｜>"


def rows(encoder: AnyEncoder, texts: Sequence[str | None]) -> list[list[int]]:
    ids, offsets = encoder.encode(pa.array(texts, pa.large_string()))
    assert ids.dtype == np.uint32 and len(offsets) == len(texts) + 1 and offsets[-1] == len(ids)
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


def theirs(values: dict[str, Any], texts: list[str], special: bool = False) -> list[list[int]]:
    tokenizer = Tokenizer.from_str(json.dumps(values))
    tokenizer.encode_special_tokens = not special
    return [row.ids for row in tokenizer.encode_batch(texts, add_special_tokens=False)]


@pytest.mark.parametrize("name", SCHEMES)
def test_ids_equal_the_library_on_texts(name: str) -> None:
    encoder = loads(json.dumps(CONFIGS[name]))
    assert encoder.engine == "dspipe"
    found = rows(encoder, TEXTS)
    assert found == theirs(CONFIGS[name], TEXTS)
    assert [encoder.decode(row).decode() for row in found] == TEXTS


MIXED = st.lists(
    st.one_of(HARD, st.sampled_from([*TEXTS[:6], USER, "<｜User", "<｜end▁of▁sentence｜>"])), max_size=4
).map("".join)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("special", [False, True])
@settings(max_examples=80, deadline=None)
@given(st.lists(MIXED, max_size=4))
def test_ids_equal_the_library_on_any_text(name: str, special: bool, texts: list[str]) -> None:
    assert rows(ENCODERS[name, special], texts) == theirs(CONFIGS[name], texts, special)


ENCODERS = {(name, special): loads(json.dumps(CONFIGS[name]), special) for name in SCHEMES for special in (False, True)}


def test_special_tokens_in_text_are_plain_unless_asked_for() -> None:
    text = f"a{USER}b"
    user = CONFIGS["deepseek"]["added_tokens"][7]["id"]
    plain, asked = (rows(ENCODERS["deepseek", special], [text])[0] for special in (False, True))
    assert user not in plain and asked[1] == user and len(asked) == 3
    for special, ids in ((False, plain), (True, asked)):
        assert ENCODERS["deepseek", special].decode(ids).decode() == text


ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["ab", "abc", "bcd", "b", "cd", " ", "x", ""]), max_size=8).map("".join)))
def test_added_tokens_are_found_leftmost_and_longest(texts: list[str]) -> None:
    assert rows(WITH_ADDED, texts) == theirs(ADDED_CONFIG, texts)


ADDED_CONFIG = copy.deepcopy(CONFIGS["deepseek"])
ADDED_CONFIG["added_tokens"] += [
    {"id": 515 + number, "content": content, **ADDED, "normalized": content in ("ab", "cd")}
    for number, content in enumerate(["ab", "abcd", "bcd", " x", "cd"])
]
WITH_ADDED = loads(json.dumps(ADDED_CONFIG))


def test_columns_of_every_kind() -> None:
    encoder = ENCODERS["deepseek", False]
    texts = ["one two", None, "", "三四", "five"]
    expected = [row for text in texts for row in rows(encoder, [text])]
    for kind in (pa.string(), pa.large_string()):
        column = pa.array(["skipped", *texts], kind)
        ids, offsets = encoder.encode(column.slice(1))
        assert ids.tolist() == [number for row in expected for number in row]
        assert np.diff(offsets).tolist() == [len(row) for row in expected]
        chunked = pa.chunked_array([column.slice(1, 2), column.slice(3)])
        assert encoder.encode(chunked)[0].tolist() == ids.tolist()
    ids, offsets = encoder.encode(pa.array([], pa.large_string()))
    assert len(ids) == 0 and offsets.tolist() == [0]


def test_a_small_cache_changes_no_id() -> None:
    texts = [f"{text} word{n} 字{n} {'long' * (n % 30)}" for n in range(400) for text in TEXTS[:6]]
    small = loads(json.dumps(CONFIGS["deepseek"]), cache_bytes=1)
    assert rows(small, texts) == rows(ENCODERS["deepseek", False], texts)


def test_a_run_of_ten_megabytes_of_one_character_ends() -> None:
    ids, _ = ENCODERS["deepseek", False].encode(pa.array(["a" * 10_000_000, "。" * 1_000_000], pa.large_string()))
    assert ENCODERS["deepseek", False].decode(ids) == b"a" * 10_000_000 + "。".encode() * 1_000_000


def changed(**model: Any) -> dict[str, Any]:
    values = copy.deepcopy(CONFIGS["deepseek"])
    values["model"].update(model)
    return values


def without_a_byte() -> dict[str, Any]:
    values = changed()
    del values["model"]["vocab"]["ô"]
    return values


WORD_PIECE = {
    "type": "WordPiece",
    "unk_token": "[UNK]",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
    "vocab": {"[UNK]": 0, "a": 1, "##b": 2},
}


NFC_TWICE = {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]}
NORMALIZED = {"id": 515, "content": "<x>", **ADDED, "normalized": True}
SPACE_VOCAB = {**CONFIGS["deepseek"]["model"]["vocab"], "▁": 600, "▁t": 601}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (changed(dropout=0.0001), "dropout"),
        (changed(byte_fallback=True), "byte_fallback"),
        (without_a_byte(), "lacks some of the bytes"),
        ({**changed(), "normalizer": {"type": "Lowercase"}}, "normalizes text by Lowercase"),
        ({**changed(), "normalizer": NFC_TWICE}, "normalizes text by NFC and NFKC"),
        ({**changed(), "normalizer": {"type": "NFC"}, "added_tokens": [NORMALIZED]}, "looked for in normalized text"),
        (changed(vocab=SPACE_VOCAB, merges=["▁ t"]), "are not byte-level"),
        ({**changed(), "pre_tokenizer": {"type": "Whitespace"}}, "pre-tokenizer is none of"),
        ({**changed(), "added_tokens": [{"id": 500, "content": "<x>", **ADDED, "lstrip": True}]}, "takes blanks"),
        ({**changed(), "model": WORD_PIECE, "added_tokens": [], "post_processor": None, "decoder": None}, "WordPiece"),
    ],
)
def test_other_kinds_run_through_the_library(values: dict[str, Any], reason: str) -> None:
    encoder = loads(json.dumps(values))
    assert isinstance(encoder, HuggingFaceEncoder) and reason in encoder.engine
    texts = ["ab AB  ab", "", "x <x>"]
    if "dropout" not in reason:  # which is random
        assert rows(encoder, texts) == theirs(values, texts)
    assert rows(encoder, [None, ""]) == [[], []]


def test_truncation_and_padding_are_not_for_corpora() -> None:
    values = {**changed(), "normalizer": {"type": "Lowercase"}}
    values["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    encoder = loads(json.dumps(values))
    assert encoder.decode(rows(encoder, ["one two three"])[0]) == b"one two three"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not a tokenizer.json"),
        (b"[1]", "it has no model"),
        (b"\xff\xfe", "not UTF-8"),
        (json.dumps({"model": {"type": "Nonsense"}}).encode(), "cannot be used: its model is Nonsense"),
        (json.dumps({**CONFIGS["gpt2"], "model": {"type": "BPE"}}).encode(), "no vocabulary or no merges"),
        (json.dumps(changed(merges=["t h", "th xyz"])).encode(), "merges make tokens that its vocabulary lacks"),
    ],
)
def test_what_is_no_tokenizer_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerError, match=message):
        load(path)


def test_a_missing_file_and_a_missing_id_are_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="cannot read the tokenizer"):
        load(tmp_path / "none.json")
    with pytest.raises(TokenizerError, match="has no id 99999"):
        ENCODERS["deepseek", False].decode([99999])


def test_merges_written_as_pairs_are_read_too() -> None:
    values = changed(merges=[merge.split(" ") for merge in CONFIGS["deepseek"]["model"]["merges"]])
    assert rows(loads(json.dumps(values)), TEXTS) == rows(ENCODERS["deepseek", False], TEXTS)


@pytest.mark.parametrize("name", SCHEMES)
def test_ids_equal_the_library_on_real_text(name: str) -> None:
    from dspipe.tokenizer.text_files import read_documents

    folder = shared("text")
    texts = [
        document.text[:20_000]
        for file in sorted(folder.glob("*.jsonl.zst"))
        for document, _ in zip(read_documents([file]), range(6), strict=False)
    ]
    assert rows(ENCODERS[name, False], texts) == theirs(CONFIGS[name], texts)


def with_whole_tokens(scheme: str) -> dict[str, Any]:
    """A vocabulary with tokens that no merges make, also such as are parts of runs that are cut."""
    values = copy.deepcopy(CONFIGS[scheme])
    vocab = values["model"]["vocab"]
    values["added_tokens"] = []
    for token in WHOLE:
        text = to_text(token.encode())
        if text not in vocab:
            vocab[text] = len(vocab)
    values["model"]["ignore_merges"] = True
    return values


WHOLE = ["xyz", " xyz", "zyx", "中文", "深度学习的", "字幕", "việt", " nhiều", "a" * 20, "的", "学习", "한국", "。，"]
WHOLE_SCHEMES = ["cl100k", "deepseek", "o200k"]
WHOLE_CONFIGS = {name: with_whole_tokens(name) for name in WHOLE_SCHEMES}
WHOLE_ENCODERS = {name: loads(json.dumps(values)) for name, values in WHOLE_CONFIGS.items()}


@pytest.mark.parametrize("name", WHOLE_SCHEMES)
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.one_of(st.sampled_from([*WHOLE, " ", "字", "深度", "x"]), HARD), max_size=8).map("".join)))
def test_tokens_that_no_merges_make(name: str, texts: list[str]) -> None:
    assert WHOLE_ENCODERS[name].engine == "dspipe"
    assert rows(WHOLE_ENCODERS[name], [*WHOLE, *texts]) == theirs(WHOLE_CONFIGS[name], [*WHOLE, *texts])


def with_normalizer(normalizer: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(CONFIGS["qwen2"]), "normalizer": normalizer}


NORMALIZERS: list[dict[str, Any]] = [
    {"type": "NFC"},
    {"type": "Sequence", "normalizers": []},
    {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
]
NORMALIZING = [(values, loads(json.dumps(values), special=True)) for values in map(with_normalizer, NORMALIZERS)]
UNCOMPOSED = st.sampled_from(
    ["e\u0301", "\u0301", USER, "A\u0308nderung", "ệ\u0323", "\u1112\u1161\u11ab", "Ω", "は\u3099"]
)


@pytest.mark.parametrize("number", range(len(NORMALIZERS)))
@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.one_of(UNCOMPOSED, HARD, st.sampled_from(TEXTS[:6])), max_size=6).map("".join), max_size=4))
def test_text_is_normalized_as_by_the_library(number: int, texts: list[str]) -> None:
    values, encoder = NORMALIZING[number]
    assert encoder.engine == "dspipe"
    assert rows(encoder, texts) == theirs(values, texts, special=True)


def test_bytes_that_no_text_has_may_lack() -> None:
    """As in DeepSeek LLM's vocabulary, where the letters that stand for these bytes are added tokens."""
    values = changed()
    letters = [CHARACTER_OF[byte] for byte in sorted(NOT_IN_UTF8)]
    kept = [token for token in values["model"]["vocab"] if token not in letters]
    values["model"]["vocab"] = {token: number for number, token in enumerate(kept)}
    values["added_tokens"] = [
        {"id": len(kept) + number, "content": letter, **ADDED, "normalized": True}
        for number, letter in enumerate(letters)
    ]
    values["normalizer"] = {"type": "Sequence", "normalizers": []}
    encoder = loads(json.dumps(values))
    texts = [*TEXTS, "süß und schön, öfter ÿ", "ø", ""]
    assert encoder.engine == "dspipe" and rows(encoder, texts) == theirs(values, texts)


def test_special_tokens_may_stand_in_the_vocabulary() -> None:
    """As in DeepSeek-V3's, where no merge makes them."""
    values = changed()
    for token in values["added_tokens"]:
        values["model"]["vocab"][token["content"]] = token["id"]
    for special in (False, True):
        encoder = loads(json.dumps(values), special)
        assert encoder.engine == "dspipe" and rows(encoder, [f"a {USER}"]) == theirs(values, [f"a {USER}"], special)
