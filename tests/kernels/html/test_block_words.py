"""Words and signs of blocks against plain Python, and in scripts without spaces."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html import block_words as bw
from dspipe.kernels.html import page_arrays as pg


def count(*texts: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    data = [text.encode() for text in texts]
    ends = np.cumsum([len(text) for text in data])
    blocks = np.zeros((len(texts), pg.BLOCK_COLUMNS), np.int32)
    blocks[:, pg.END], blocks[1:, pg.START] = ends, ends[:-1]
    words, hashes = np.ones((len(texts), bw.WORD_COLUMNS), np.int32), np.zeros(len(texts), np.int64)
    bw.count_words(np.frombuffer(b"".join(data), np.uint8), blocks, words, hashes)
    return words, hashes


@given(st.text(st.sampled_from("abThe 12.,!?:$'\"()-\n"), max_size=40))
def test_ascii_as_plain_python_counts(text: str) -> None:
    (row,), _ = count(text)
    words = re.findall(r"[A-Za-z0-9]+", text)
    assert row[bw.COUNT] == sum(1 + len(word) // 16 for word in words)
    assert row[bw.FUNCTION] == sum(word.lower() in bw.FUNCTION_WORDS for word in words)
    assert row[bw.CAPITALS] == sum(word[0].isupper() for word in words)
    assert row[bw.NUMBERS] == sum(word.isdigit() for word in words)
    assert row[bw.SHORT] == sum(len(word) <= 3 for word in words)
    assert row[bw.STOPS] == sum(text.count(sign) for sign in ".!?")
    assert row[bw.COMMAS] == text.count(",")
    assert row[bw.CURRENCIES] == text.count("$")
    assert row[bw.SIGNS] == sum(text.count(sign) for sign in "'\"()-")


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("我们的数据，不是这样。", bw.COUNT, 9),
        ("我们的数据，不是这样。", bw.FUNCTION, 5),
        ("我们的数据，不是这样。", bw.STOPS, 1),
        ("我们的数据，不是这样。", bw.COMMAS, 1),
        ("これはテストです", bw.COUNT, 8),
        ("Straße für Größe", bw.COUNT, 3),
        ("это не так", bw.FUNCTION, 3),
        ("한국어 문장", bw.COUNT, 2),
        ("ภาษาไทยไม่มีช่องว่างระหว่างคำ", bw.COUNT, 2),
        ("100 € £5 ¥6", bw.CURRENCIES, 3),
        ("© 2020", bw.COPYRIGHTS, 1),
    ],
)
def test_other_scripts(text: str, column: int, value: int) -> None:
    assert count(text)[0][0, column] == value


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("It ends.", bw.ENDS_SENTENCE),
        ('He said "yes."', bw.ENDS_SENTENCE),
        ("(It ends.)", bw.ENDS_SENTENCE),
        ("他说：“是。”", bw.ENDS_SENTENCE),
        ("「そうです。」", bw.ENDS_SENTENCE),
        ("On and on…", bw.ENDS_SENTENCE),
        ("as follows:", bw.ENDS_COLON),
        ("如下：", bw.ENDS_COLON),
        ("one,", bw.ENDS_COMMA),
        ("Read more", bw.ENDS_OPEN),
        ("more >", bw.ENDS_OPEN),
        ("1.5", bw.ENDS_OPEN),
    ],
)
def test_how_a_block_ends(text: str, ending: int) -> None:
    assert count(text)[0][0, bw.ENDING] == ending


def test_blocks_of_equal_words_have_equal_hashes() -> None:
    _, hashes = count("Read more", "read  MORE!", "read less", "阅读更多", "阅读更多。", "")
    assert hashes[0] == hashes[1] and hashes[3] == hashes[4]
    assert len(set(hashes.tolist())) == 4


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=5))
def test_any_bytes_are_counted(texts: list[bytes]) -> None:
    ends = np.cumsum([len(text) for text in texts])
    blocks = np.zeros((len(texts), pg.BLOCK_COLUMNS), np.int32)
    blocks[:, pg.END], blocks[1:, pg.START] = ends, ends[:-1]
    words, hashes = np.zeros((len(texts), bw.WORD_COLUMNS), np.int32), np.zeros(len(texts), np.int64)
    bw.count_words(np.frombuffer(b"".join(texts), np.uint8), blocks, words, hashes)
    assert (words >= 0).all() and (words[:, bw.COUNT] <= [2 * len(text) + 1 for text in texts]).all()
