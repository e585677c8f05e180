"""Two texts beside one another."""

from hypothesis import given
from hypothesis import strategies as st

from dspipe.page.duplicates import differences
from dspipe.pipeline.inspection.compare_texts import Piece

TEXTS = st.text(st.sampled_from("ab cd\n.深度<"), max_size=300)


@given(TEXTS, TEXTS)
def test_pieces_are_the_texts(one: str, other: str) -> None:
    start, compared = differences(one, other)
    # of long texts the part around the first difference
    assert one[start:].startswith("".join(piece.text for piece in compared.left)) and one[:start] == other[:start]
    assert other[start:].startswith("".join(piece.text for piece in compared.right))
    if one == other:
        assert start == 0 and {piece.kind for piece in compared.left + compared.right} <= {"same"}
    elif "".join(one.split()) != "".join(other.split()):
        assert "only" in {piece.kind for piece in compared.left + compared.right}


def test_the_part_around_the_first_difference_is_shown() -> None:
    same = "word " * 1000
    start, compared = differences(same + "left end", same + "right end")
    assert 4500 < start < 5000
    assert Piece("left", "only") in compared.left and Piece("right", "only") in compared.right
    assert differences("a\nb", "a b")[1].left == [Piece("a\nb", "same")]
