"""Two texts beside one another."""

from hypothesis import given
from hypothesis import strategies as st

from dspipe.serve.compared_texts import Piece, compare_texts


def test_what_differs_is_marked() -> None:
    found = compare_texts("one two  three\n", "one 2 three four")
    assert found.left == [Piece("one ", "same"), Piece("two  ", "only"), Piece("three\n", "same")]
    assert found.right == [
        Piece("one ", "same"), Piece("2 ", "only"), Piece("three ", "same"), Piece("four", "only")
    ]  # fmt: skip
    assert found.left_out == 0


@given(st.text(st.sampled_from("ab \n"), max_size=40), st.text(st.sampled_from("ab \n"), max_size=40))
def test_nothing_is_lost(left: str, right: str) -> None:
    found = compare_texts(left, right)
    assert "".join(piece.text for piece in found.left) == left
    assert "".join(piece.text for piece in found.right) == right


def test_long_texts_are_compared_at_their_beginning() -> None:
    text = "".join(f"{n:05} " for n in range(20_000))
    found = compare_texts(text, text)
    assert len(found.left) == 1
    assert found.left_out == 2 * 6 * 18_000
