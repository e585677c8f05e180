"""Counting multiple-choice questions."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.choices import count_choices


def count(*texts: str) -> list[int]:
    counts: list[int] = count_choices(*text_buffers(pa.array(texts, pa.large_string()))).tolist()
    return counts


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("1. What is it?\nA. this\nB. that\nC. both\nD. none", 1),
        ("Which? (A) one (B) two (C) three\nAnd? (A) one (B) two (C) three", 2),
        ("下列正确的是（ ）\nA．甲\nB．乙\nC．丙\nD．丁", 1),
        ("题A、甲 B、乙 C、丙 题A：甲 B：乙 C：丙", 2),
        ("（A）甲（B）乙（C）丙", 1),
        ("A. yes\nB. no", 0),
        ("C. one B. two A. three", 0),
        ("Written by A. B. Smith and C. D. Jones", 1),
        ("The U.S.A. and B.B.C. and A.B.C. and PLAN A: CLUB B: X", 0),
        ("A) " + "long " * 200 + "B) x C) y", 0),
        ("A. x A. y B. z C. w", 1),
        ("", 0),
        ("A", 0),
    ],
)
def test_count(text: str, questions: int) -> None:
    assert count(text, "", text) == [questions, 0, questions]


@given(st.lists(st.text(alphabet="ABC.) （、．é\n"), max_size=4))
def test_documents_are_counted_apart(texts: list[str]) -> None:
    assert count(*texts) == [count(text)[0] for text in texts]
