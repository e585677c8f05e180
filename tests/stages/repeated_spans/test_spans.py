import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.repeated_spans.spans import Spans, format_spans, judge_passages, merge, parse_spans

PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 20)), max_size=20)


def spans_of(places: list[tuple[int, int, int]]) -> Spans:
    columns = np.array(places, np.int64).reshape(-1, 3)
    return Spans(columns[:, 0], columns[:, 1], columns[:, 1] + columns[:, 2])


@settings(deadline=None)
@given(PLACES, PLACES)
def test_spans_are_written_as_read_and_merged_as_sets_of_bytes(
    some: list[tuple[int, int, int]], others: list[tuple[int, int, int]]
) -> None:
    found = merge(spans_of(some), spans_of(others))
    expected = {(row, byte) for row, start, size in some + others for byte in range(start, start + size)}
    again = parse_spans(format_spans(found, 5))
    for spans in (found, again):
        covered = [(row, byte) for row, start, end in zip(*spans, strict=True) for byte in range(start, end)]
        assert covered == sorted(expected)
    assert [values.tolist() for values in again] == [values.tolist() for values in found]


def test_how_spans_are_written() -> None:
    column = format_spans(spans_of([(1, 0, 250), (1, 1200, 260), (3, 4_294_967_000, 7)]), 5)
    assert column.to_pylist() == ["", "0-250 1200-1460", "", "4294967000-4294967007", ""]
    assert column.type == pa.string()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 2), st.booleans()), max_size=40),
    st.sampled_from([0, 1]),
)
def test_what_goes_as_by_dictionaries(passages: list[tuple[int, int, int, bool]], keep: int) -> None:
    passages = sorted(passages, key=lambda passage: passage[:2])
    first: dict[int, tuple[int, int]] = {}
    repeats, dropped = [], set()
    for document, start, key, told in passages:
        earliest = first.setdefault(key, (document, start))
        repeats.append(earliest[0] != document or start - earliest[1] >= 10)
        if repeats[-1] or told:
            dropped.add(key)
    columns = np.array([passage[:3] for passage in passages], np.uint64).reshape(-1, 3)
    documents, starts, keys = (columns[:, k].copy() for k in range(3))
    known = np.array([passage[3] for passage in passages], bool)
    verdict = judge_passages((keys, keys), documents, starts.astype(np.uint32), 10, keep, known)
    assert verdict.repeats.tolist() == repeats
    assert verdict.drop.tolist() == (repeats if keep else [key in dropped for _, _, key, _ in passages])
