"""The scans equal Hugging Face's pre-tokenizers."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.tokenizer.schemes import SCHEMES, find_scheme
from tests.kernels.bpe.pieces import HARD, HuggingFaceScan, cut
from tests.shared import shared

SIZE = 400
OWN = {name: scheme.pre_tokenizer() for name, scheme in SCHEMES.items()}
THEIRS = {name: HuggingFaceScan(scheme.hugging_face) for name, scheme in SCHEMES.items()}


def test_strict_is_the_published_pre_tokenizer() -> None:
    published = json.loads(shared("tokenizer/deepseek-llm-pre-tokenizer.json").read_text("utf-8"))
    assert SCHEMES["deepseek_strict"].hugging_face == published


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=300, deadline=None)
@given(st.lists(HARD, max_size=4))
def test_scans_equal_the_library(name: str, texts: list[str]) -> None:
    assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("beside", ["a", "中", " ", "!"])
def test_every_character_is_cut_as_by_the_library(name: str, beside: str) -> None:
    characters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    characters += [chr(code) for code in range(0x30000, 0x110000, 251)]
    random.Random(1).shuffle(characters)
    texts = [beside.join(characters[i : i + SIZE]) for i in range(0, len(characters), SIZE)]
    assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize("name", ["gpt2", "cl100k", "qwen2", "o200k", "deepseek_v3"])
@pytest.mark.parametrize("before", ["'", " '", "a'", "'l", "'R"])
def test_every_character_in_a_contraction_is_cut_as_by_the_library(name: str, before: str) -> None:
    texts = [f"{before}{chr(code)}e" for code in (*range(0xD800), *range(0xE000, 0x11000), *range(0x1D400, 0x1F000))]
    lines = ["\n".join(texts[i : i + SIZE]) for i in range(0, len(texts), SIZE)]
    assert cut(OWN[name], lines) == cut(THEIRS[name], lines)


UNITS = ["a", " ", "　", "\n", "\t", "中", "。", "・", "5", "!", "'", "\x00", "e\u0301", " \n", "'s"]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("unit", UNITS)
def test_long_runs_are_cut_as_by_the_library(name: str, unit: str) -> None:
    texts = [unit * 20_000 + "x", *(unit * 500 + end for end in ("", "5", "あ", "!"))]
    assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize("name", SCHEMES)
def test_real_texts_are_cut_as_by_the_library(name: str) -> None:
    from dspipe.tokenizer.text_files import read_documents

    for file in sorted(shared("text").glob("*.jsonl.zst")):
        texts = [document.text[:20_000] for document, _ in zip(read_documents([file]), range(10), strict=False)]
        assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("gpt2", "I'll go  123!", ["I", "'ll", " go", " ", " 123", "!"]),
        ("gpt2", "I'LL\n\n x\u0301", ["I", "'", "LL", "\n\n", " x", "\u0301"]),
        ("cl100k", "I'll go\n\n1234 .x", ["I", "'ll", " go", "\n\n", "123", "4", " .", "x"]),
        ("cl100k", "It'ſ IT'S (no)!\r\n  1", ["It", "'ſ", " IT", "'S", " (", "no", ")!\r\n", " ", " ", "1"]),
        ("qwen2", "a 1234 x", ["a", " ", "1", "2", "3", "4", " x"]),
        ("o200k", "HTTPServer's 中ABC中d", ["HTTPServer's", " 中ABC中d"]),
        ("o200k", "ABC中DEF 12345", ["ABC中", "DEF", " ", "123", "45"]),
        ("o200k", "x //\n/\n\n  I'LL \u0301A", ["x", " //\n/\n\n", " ", " I'LL", " \u0301", "A"]),
        ("deepseek_v3", "(hello) 12345 中文", ["(hello", ")", " ", "123", "45", " ", "中文"]),
        ("deepseek_v3", "(naïve) \x00\x00x", ["(na", "ïve", ")", " ", "\x00", "\x00x"]),
        ("deepseek_v3", "x  9あ・い", ["x", "  ", "9", "あ", "・", "い"]),
    ],
)
def test_schemes_cut_as_published(name: str, text: str, pieces: list[str]) -> None:
    assert cut(SCHEMES[name].pre_tokenizer(), [text, "", "é"]) == [pieces, [], ["é"]]


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(HARD)
def test_pieces_make_up_the_text(name: str, text: str) -> None:
    assert "".join(cut(SCHEMES[name].pre_tokenizer(), [text])[0]) == text


def test_schemes_are_recognized() -> None:
    for name, scheme in SCHEMES.items():
        assert find_scheme(json.loads(json.dumps(scheme.hugging_face))) is SCHEMES[name]
    assert find_scheme(None) is None
    assert find_scheme({**SCHEMES["gpt2"].hugging_face, "add_prefix_space": True}) is None
    assert find_scheme({**SCHEMES["gpt2"].hugging_face, "use_regex": False}) is None


def test_what_a_pattern_does_not_match_may_be_removed() -> None:
    """As GPT-4o's file says it: there is nothing that the pattern doesn't match."""
    for name in ("cl100k", "qwen2", "o200k"):
        split, last = SCHEMES[name].hugging_face["pretokenizers"]
        removed = {"type": "Sequence", "pretokenizers": [{**split, "behavior": "Removed", "invert": True}, last]}
        assert find_scheme(removed) is SCHEMES[name]
        texts = ["a!\r\n\n b \x00\ue000\u0378 \n\n x\r", "12345\u0301 中\n"]
        assert cut(HuggingFaceScan(removed), texts) == cut(OWN[name], texts)
        assert find_scheme({**removed, "pretokenizers": [{**split, "behavior": "Removed"}, last]}) is None


def test_schemes_are_recognized_as_they_are_published() -> None:
    gpt2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    line_ends = json.dumps(SCHEMES["deepseek_v3"].hugging_face).replace(r"\\r\\n", r"\r\n")
    for name, published in (("gpt2", gpt2), ("deepseek_v3", json.loads(line_ends))):
        assert published != SCHEMES[name].hugging_face and find_scheme(published) is SCHEMES[name]
        texts = ["a!\r\n\n b \n\n x\r", "\r\nr\\n中\n"]
        assert cut(HuggingFaceScan(published), texts) == cut(OWN[name], texts)
