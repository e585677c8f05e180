"""Two texts beside one another."""

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.inspection.compare_texts import Compared, Passage, Piece, compare_texts, first_difference

TEXTS = st.text(st.sampled_from("ab .\n深度"), max_size=60)


def test_what_differs_is_marked() -> None:
    found = compare_texts("one two  three\n", "one 2 three four")
    assert found.left == [Piece("one ", "same"), Piece("two  ", "only"), Piece("three\n", "same")]
    assert found.right == [
        Piece("one ", "same"), Piece("2 ", "only"), Piece("three ", "same"), Piece("four", "only")
    ]  # fmt: skip
    assert found.left_out == 0
    chinese = compare_texts("我们在城市里学习。今天很好。", "我们在乡村里学习。今天很好。")
    assert chinese.left == [Piece("我们在", "same"), Piece("城市", "only"), Piece("里学习。今天很好。", "same")]


def test_white_space_is_no_difference() -> None:
    one, other = "one two  three", " one two three\n"
    assert compare_texts(one, other) == Compared([Passage(one, other, True)], 0)


@given(TEXTS, TEXTS, TEXTS)
def test_nothing_is_lost(common: str, left: str, right: str) -> None:
    found = compare_texts(common + left + common, common + right + common)
    assert "".join(piece.text for piece in found.left) == common + left + common
    assert "".join(piece.text for piece in found.right) == common + right + common
    same = ["".join("".join(p.text for p in side if p.kind == "same").split()) for side in (found.left, found.right)]
    assert same[0] == same[1]


@given(TEXTS, TEXTS)
def test_the_first_difference(one: str, other: str) -> None:
    at = first_difference(one, other)
    assert one[:at] == other[:at] and (at in (len(one), len(other)) or one[at] != other[at])


def test_long_texts_are_compared_around_their_first_difference() -> None:
    text = "".join(f"{n:05} " for n in range(50_000))
    assert compare_texts(text, text) == Compared([Passage(text, text, True)], 0)
    found = compare_texts(text + "one end", text + "another")
    assert found.left == [Piece(text, "same"), Piece("one end", "only")]
    found = compare_texts(f"a {text} b", f"c {text} d")
    assert found.left_out == 2 * (len(text) + 4 - (1 << 16))
    assert sum(len(piece.text) for piece in found.left) == 1 << 16


def test_other_words_take_no_long_time() -> None:
    draw = random.Random(1)
    words = [f"w{n}" for n in range(50)]
    texts = [" ".join(draw.choices([*words, "a.", "b."], k=22_000)) for _ in range(2)]
    start = time.process_time()
    for left, right in ((texts[0], texts[1]), ("a b. " * 13_000, "b a. " * 13_000), ("a" * 65_000, "ba" * 32_000)):
        compare_texts(left, right)
    assert time.process_time() - start < 30
