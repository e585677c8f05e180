"""Shared n-grams against plain Python sets."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.ngram_overlap import (
    Index,
    Shared,
    build_index,
    covered_ngrams,
    find_passages,
    overlap,
    shared_ngrams,
)
from dspipe.kernels.jit import INTERPRETED

Found = list[tuple[int, Any]]  # the share a number, or that number approximately


def find(
    documents: list[str],
    questions: list[str],
    ngram: int = 5,
    shortest: int = 3,
    common: int = 9,
    common_documents: int | None = None,
) -> Found:
    index = build_index(*text_buffers(pa.array(questions, pa.large_string())), ngram, shortest, common)
    shared = shared_ngrams(*text_buffers(pa.array(documents, pa.large_string())), index)
    had = np.bincount(shared.ngrams, minlength=len(index.rows) - 1)
    ignored = had > (len(documents) if common_documents is None else common_documents)
    found = overlap(shared, index, ignored, np.arange(len(documents)) % 2 == 0, 0.5)
    of_even = [shares_of(row, index, shared, ignored) for row in range(0, len(documents), 2)]
    assert found.reached.tolist() == [max(shares, default=0.0) for shares in zip(*of_even, strict=True)] or not of_even
    return [(int(best), float(share)) for best, share in zip(found.best, found.share, strict=True)]


def shares_of(row: int, index: Index, shared: Shared, ignored: npt.NDArray[np.bool_]) -> list[np.float32]:
    """What one document covers of each question."""
    own = set(shared.ngrams[shared.ends[row] : shared.ends[row + 1]].tolist())
    of_question = [set[int]() for _ in index.totals]
    for number, (start, end) in enumerate(pairwise(index.rows.tolist())):
        for item in index.items[start:end]:
            if not ignored[number]:
                of_question[item].add(number)
    return [np.float32(len(own & asked)) / np.float32(max(1, len(asked))) for asked in of_question]


def grams(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


def plain(
    documents: list[str], questions: list[str], ngram: int, shortest: int, common: int, common_documents: int
) -> Found:
    asked = []
    for question in questions:
        words = question.split()
        asked.append(grams(words, min(ngram, len(words))) if len(words) >= shortest else set())
    asked = [{gram for gram in own if sum(gram in other for other in asked) <= common} for own in asked]
    asked = [
        {gram for gram in own if sum(gram in grams(page.split(), len(gram)) for page in documents) <= common_documents}
        for own in asked
    ]
    result = []
    for document in documents:
        words = document.split()
        shares = [sum(gram in grams(words, len(gram)) for gram in own) / len(own) if own else 0.0 for own in asked] or [
            0.0
        ]
        best = max(range(len(shares)), key=lambda item: (shares[item], -item))
        result.append((best if shares[best] > 0 else -1, pytest.approx(shares[best])))
    return result


WORDS = st.lists(st.sampled_from(["a", "bb", "c", "ddd", "ée"]), max_size=14).map(" ".join)


@settings(max_examples=40 if INTERPRETED else 400, deadline=None)
@given(
    st.lists(WORDS, max_size=4),
    st.lists(WORDS, max_size=5),
    st.tuples(st.integers(2, 6), st.integers(1, 2), st.integers(1, 3), st.integers(1, 4)),
)
def test_against_plain_python(documents: list[str], questions: list[str], limits: tuple[int, int, int, int]) -> None:
    assert find(documents, questions, *limits) == plain(documents, questions, *limits)


@settings(max_examples=40 if INTERPRETED else 400, deadline=None)
@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=5), st.sampled_from([0.3, 0.5, 1.0]))
def test_passages_against_plain_python(documents: list[str], questions: list[str], coverage: float) -> None:
    """Each place of an n-gram that a question has of which the document has enough of them."""
    index = build_index(*text_buffers(pa.array(questions, pa.large_string())), 3, 2, 9)
    column = text_buffers(pa.array(documents, pa.large_string()))
    shared = shared_ngrams(*column, index)
    assert shared.units.tolist() == [len(document.split()) for document in documents]
    everything = np.ones(len(documents), bool)
    found = overlap(shared, index, np.zeros(len(index.rows) - 1, bool), everything, coverage)
    rows, starts, ends = find_passages(*column, index, shared, found)
    passages = {
        (row, documents[row].encode()[start:end].decode())
        for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True)
    }
    expected, counts = set(), []
    for row, document in enumerate(documents):
        words, of_covered = document.split(), set()
        for question in questions:
            asked = question.split()
            own = grams(asked, min(3, len(asked))) if len(asked) >= 2 else set()
            shares = {gram for gram in own if gram in grams(words, len(gram))}
            if own and np.float32(len(shares)) / np.float32(len(own)) >= np.float32(coverage):
                of_covered |= shares
        counts.append(len(of_covered))
        expected |= {(row, " ".join(gram)) for gram in of_covered}
    assert passages == expected
    assert covered_ngrams(shared, found).tolist() == counts


def test_places_of_words_and_of_characters() -> None:
    asked = "Which rivers flow north? 哪些河流向北流入大海"
    index = build_index(*text_buffers(pa.array([asked], pa.large_string())), 5, 3, 9)
    text = "Ask: WHICH  rivers, flow north?哪些河流向北流入大海。 An end."
    column = text_buffers(pa.array(["nothing", text], pa.large_string()))
    shared = shared_ngrams(*column, index)
    assert shared.units.tolist() == [1, 1 + 4 + 10 + 2]
    found = overlap(shared, index, np.zeros(len(index.rows) - 1, bool), np.ones(2, bool), 0.5)
    rows, starts, ends = find_passages(*column, index, shared, found)
    assert set(rows.tolist()) == {1}
    assert text.encode()[starts.min() : ends.max()].decode() == "WHICH  rivers, flow north?哪些河流向北流入大海"


QUESTION = "Janet's ducks lay 16 eggs per day. She eats three for breakfast every morning."


def test_case_punctuation_and_line_breaks_do_not_matter() -> None:
    page = "before it JANETS janet s ducks lay 16\neggs per day -- she eats three, for breakfast; every morning! after"
    assert find([page], [QUESTION]) == [(0, 1.0)]


def test_a_part_counts_by_its_share() -> None:
    ((best, share),) = find(["x y ducks lay 16 eggs per day she y"], [QUESTION])
    assert best == 0 and share == pytest.approx(3 / 11)
    assert find(["ducks lay 16 eggs"], [QUESTION]) == [(-1, 0.0)]


def test_characters_are_units_where_words_are_not_spaced() -> None:
    question = "下列对材料相关内容的理解和分析正确的一项是"
    assert find(["前" + question[:10] + "，" + question[10:] + "后"], [question], ngram=8) == [(0, 1.0)]
    assert find(["下列对材料"], [question], ngram=8) == [(-1, 0.0)]


def test_short_questions_must_occur_whole() -> None:
    assert find(["one two three x", "one two x three", "one two"], ["one two three", "one two"]) == [
        (0, 1.0),
        (-1, 0.0),
        (-1, 0.0),
    ]


def test_common_ngrams_are_left_out() -> None:
    questions = [f"which of the following is best {name} alpha beta gamma delta" for name in "abc"]
    page = "which of the following is best"
    assert find([page], questions, common=3)[0][0] == 0
    assert find([page], questions, common=2) == [(-1, 0.0)]
    assert find(["x best b alpha beta gamma x"], questions, common=2)[0][0] == 1


def test_across_blocks_and_long_words() -> None:
    words = [f"w{number}" for number in range(12)]
    for filler in (16_352,) if INTERPRETED else (16_300, 16_352, 16_380, 40_000):
        text = "x " * (filler // 2) + " ".join(words) + " y" * 20_000
        assert find([text, "é" * (600 if INTERPRETED else 60_000) + text], [" ".join(words)]) == [(0, 1.0), (0, 1.0)]


def test_many_shared_ngrams() -> None:
    words = [f"w{number}" for number in range(3000)]
    assert find([" ".join(words)] * 3, [" ".join(words)]) == [(0, 1.0)] * 3


def test_no_questions_and_no_documents() -> None:
    assert find(["a b c d e f"], []) == [(-1, 0.0)]
    assert find([], [QUESTION]) == []
    assert find(["", "\0", "\u0301"], [QUESTION, ""]) == [(-1, 0.0)] * 3


def test_what_is_found_does_not_depend_on_other_documents() -> None:
    draw = np.random.default_rng(4)
    texts = [" ".join(draw.choice(["a", "b", "c"], 60)) for _ in range(20)]
    questions = [" ".join(draw.choice(["a", "b", "c"], 12)) for _ in range(10)]
    assert find(texts, questions) == [find([text], questions)[0] for text in texts]
