"""The scans equal Hugging Face's pre-tokenizers."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.pieces import HARD, cut
from tests.shared import shared
from tokenizer.schemes import SCHEMES, HuggingFaceScan, KernelScan, scheme_of

SCANNED = ["deepseek", "deepseek_strict"]
SIZE = 400


def hugging_face(name: str) -> HuggingFaceScan:
    return HuggingFaceScan(SCHEMES[name].hugging_face)


OWN = {name: SCHEMES[name].pre_tokenizer() for name in SCANNED}
THEIRS = {name: hugging_face(name) for name in SCHEMES}


def test_strict_is_the_published_pre_tokenizer() -> None:
    published = json.loads(shared("tokenizer/deepseek-llm-pre-tokenizer.json").read_text("utf-8"))
    assert SCHEMES["deepseek_strict"].hugging_face == published


@pytest.mark.parametrize("name", SCANNED)
@settings(max_examples=300, deadline=None)
@given(st.lists(HARD, max_size=4))
def test_scans_equal_the_library(name: str, texts: list[str]) -> None:
    assert isinstance(OWN[name], KernelScan)
    assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize("name", SCANNED)
@pytest.mark.parametrize("beside", ["a", "中", " "])
def test_every_character_is_cut_as_by_the_library(name: str, beside: str) -> None:
    characters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    characters += [chr(code) for code in range(0x30000, 0x110000, 251)]
    random.Random(1).shuffle(characters)
    texts = [beside.join(characters[i : i + SIZE]) for i in range(0, len(characters), SIZE)]
    assert cut(OWN[name], texts) == cut(THEIRS[name], texts)


@pytest.mark.parametrize("name", SCANNED)
@pytest.mark.parametrize("unit", ["a", " ", "　", "\n", "中", "。", "5", "\x00", "e\u0301"])
def test_long_runs_are_cut_as_by_the_library(name: str, unit: str) -> None:
    text = unit * 20_000 + "x"
    assert cut(OWN[name], [text]) == cut(THEIRS[name], [text])


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("gpt2", "I'll go  123!", ["I", "'ll", " go", " ", " 123", "!"]),
        ("cl100k", "I'll go\n\n1234 .x", ["I", "'ll", " go", "\n\n", "123", "4", " .", "x"]),
        ("deepseek_v3", "(hello) 12345 中文", ["(hello", ")", " ", "123", "45", " ", "中文"]),
    ],
)
def test_other_schemes_run_through_the_library(name: str, text: str, pieces: list[str]) -> None:
    assert cut(SCHEMES[name].pre_tokenizer(), [text, "", "é"]) == [pieces, [], ["é"]]


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(HARD)
def test_pieces_make_up_the_text(name: str, text: str) -> None:
    assert "".join(cut(SCHEMES[name].pre_tokenizer(), [text])[0]) == text


def test_schemes_are_recognized() -> None:
    for name, scheme in SCHEMES.items():
        assert scheme_of(json.loads(json.dumps(scheme.hugging_face))) is SCHEMES[name]
    assert scheme_of(None) is None
    assert scheme_of({**SCHEMES["gpt2"].hugging_face, "add_prefix_space": True}) is None
