import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.units import (
    _ALONE_RANGES,
    _ASTRAL_ALONE_RANGES,
    _CASED_RANGES,
    characters,
    scan_units,
    scan_units_and_symbols,
)
from dspipe.kernels.jit import jit

MASK = (1 << 64) - 1


@jit
def _units(data, block, table, out):  # type: ignore[no-untyped-def]
    i, word, count = np.int64(0), np.uint64(0), np.int64(0)
    end = np.int64(data.shape[0])
    while i < end:
        if table.symbols:
            i, word, count = scan_units_and_symbols(data, i, min(i + block, end), end, word, table, out, count)
        else:
            i, word, count = scan_units(data, i, min(i + block, end), end, word, table, out, count)
    if word != np.uint64(0):
        out[count] = word
        count += 1
    return count


def unit_hashes(raw: bytes, block: int = 1 << 14, symbols: bool = False) -> list[int]:
    out = np.empty(len(raw) + 2, np.uint64)
    count = _units(np.frombuffer(raw, np.uint8), np.int64(block), characters(symbols), out)
    return [int(unit) for unit in out[:count]]


def within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def units_slowly(text: str, symbols: bool = False) -> list[str]:
    """The same units as strings, one character at a time."""
    units: list[str] = []
    word = ""
    for character in text:
        code = ord(character)
        if 0xFF01 <= code <= 0xFF5E:
            code -= 0xFEE0
        category = unicodedata.ucd_3_2_0.category(chr(code))
        if code > 0xFFFF:
            category = "So" if 0x1F000 <= code <= 0x1FAFF or code >= 0xE0000 else "Lo"
        if category == "Cf" or code == 0xAD:
            continue
        lower = chr(code).lower()
        if within(code, _CASED_RANGES) and category in ("Lu", "Lt") and len(lower) == 1:
            code = ord(lower)
        alone = within(code, _ALONE_RANGES) or within(code, _ASTRAL_ALONE_RANGES)
        if category[0] not in "LNM" and category != "Cn":
            units, word = ([*units, word] if word else units), ""
            if symbols and category[0] in "SP" and code < 0xE0000:
                units = [*units, chr(code)]
        elif alone:
            units, word = [*units, *([word] if word else []), chr(code)], ""
        else:
            word += chr(code)
    return [*units, word] if word else units


def hash_slowly(unit: str) -> int:
    hashes = []
    for character in unit:
        x = (ord(character) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & MASK
        x = ((x ^ (x >> 32)) * 0xD6E8FEB86659FD93) & MASK
        hashes.append(x ^ (x >> 32))
    word = 0
    for value in hashes:
        word = (((word << 7) | (word >> 57)) + value) & MASK
    return word


MIXED = st.text(
    st.one_of(
        st.sampled_from(
            "aZ09 .,-'\n\u00ad\u200b\ufeffÄéßİΣЯ一丁龥かナ・กาลາម្အＡｚ１。、ｶ한글\u0301\U0001f600\U00020000\U0001b001"
        ),
        st.characters(exclude_categories=["Cs"]),
    )
)


@settings(max_examples=300, deadline=None)
@given(MIXED, st.integers(1, 40), st.booleans())
def test_the_same_units_as_one_character_at_a_time(text: str, block: int, symbols: bool) -> None:
    expected = [hash_slowly(unit) for unit in units_slowly(text, symbols)]
    assert unit_hashes(text.encode(), block, symbols) == expected


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 20), st.booleans())
def test_any_bytes_are_read_within_their_bounds(raw: bytes, block: int, symbols: bool) -> None:
    whole = unit_hashes(raw, symbols=symbols)
    assert unit_hashes(raw, block, symbols) == whole
    assert len(whole) <= len(raw)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Don't PANIC: 1.5 naïve Straße", ["don", "t", "panic", "1", "5", "naïve", "straße"]),
        ("ПРИВЕТ, Ελλάδα", ["привет", "ελλάδα"]),
        ("深度学习v2模型", ["深", "度", "学", "习", "v2", "模", "型"]),
        ("ＤｅｅｐＳｅｅｋ", ["deepseek"]),
        ("co\u00adoperate\u200d", ["cooperate"]),
        ("กาแฟ", ["ก", "า", "แ", "ฟ"]),
        ("안녕 세상", ["안녕", "세상"]),
        ("good👍job", ["good", "job"]),
        ("\x00\x00 \t…", []),
    ],
)
def test_units_follow_the_script(text: str, units: list[str]) -> None:
    assert unit_hashes(text.encode()) == [hash_slowly(unit) for unit in units]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("if a<=b: x+=-1", ["if", "a", "<", "=", "b", ":", "x", "+", "=", "-", "1"]),
        ("x² ≤ ∑ｙ＋1。", ["x²", "≤", "∑", "y", "+", "1", "。"]),
        ("good👍job\U000e0041", ["good", "👍", "job"]),
        ("a\u00ad+\u200bb\x00\t", ["a", "+", "b"]),
    ],
)
def test_symbols_are_units_where_they_are_asked_for(text: str, units: list[str]) -> None:
    assert unit_hashes(text.encode(), symbols=True) == [hash_slowly(unit) for unit in units]


def test_scripts_without_spaces_that_unicode_names() -> None:
    """A letter of each whose lines break by a dictionary (Line_Break SA) or between syllables (AK, AS)."""
    for letter in "กກကកᥐᦀᨠꪀ𑜀" + "ᬓꦏꨆᯀᨀ𑀓𑤌𑻠𑼄":
        assert unit_hashes((2 * letter).encode()) == 2 * [hash_slowly(letter)]


def test_classes_and_hashes_stay_as_they_are() -> None:
    """Signatures kept from an earlier run must fit: a change here is a change of format."""
    table = characters()
    assert int(table.ascii.sum(dtype=np.uint64)) == ASCII_SUM
    weights = np.arange(1, 65537, dtype=np.uint64)
    assert int((table.plane * weights).sum(dtype=np.uint64)) == PLANE_SUM


def test_a_slice_of_a_column() -> None:
    column = pa.array(["one two", "three", "four five"], pa.large_string())[1:2]
    data, offsets = text_buffers(column)
    assert unit_hashes(bytes(data[offsets[0] : offsets[1]])) == [hash_slowly("three")]


ASCII_SUM = 9380085518615597202
PLANE_SUM = 1846702117164778001
