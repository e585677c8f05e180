"""Two texts beside one another."""

from hypothesis import given
from hypothesis import strategies as st

from dspipe.page.duplicates import differences

TEXTS = st.text(st.sampled_from("ab cd\n.深度<"), max_size=300)


@given(TEXTS, TEXTS)
def test_segments_are_the_texts(one: str, other: str) -> None:
    start, left, right = differences(one, other)
    # of long texts the part around the first difference
    assert one[start:].startswith("".join(text for _, text in left)) and one[:start] == other[:start]
    assert other[start:].startswith("".join(text for _, text in right))
    if one == other:
        assert start == 0 and {kind for kind, _ in left + right} <= {"same"}
    elif "".join(one.split()) != "".join(other.split()):
        assert "only" in {kind for kind, _ in left + right}


def test_the_part_around_the_first_difference_is_shown() -> None:
    same = "word " * 1000
    start, left, right = differences(same + "left end", same + "right end")
    assert 4500 < start < 5000
    assert ("only", "left") in left and ("only", "right") in right
    assert differences("a\nb", "a b")[1] == [("same", "a\nb")]
