"""The funnel counts what was dropped, and sees a verdict that was changed."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.funnel import Funnel

reasons = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([None, "c"]), st.integers(0, 99)))


@given(reasons)
def test_the_funnel_counts_what_changed(rows: list[tuple[str | None, str | None, int]]) -> None:
    before = pa.RecordBatch.from_arrays(
        [pa.array([old for old, _, _ in rows], pa.string()), pa.array([size for _, _, size in rows], pa.int64())],
        ["reason", "text_bytes"],
    )
    after = [old if old is not None else new for old, new, _ in rows]
    funnel = Funnel("x")
    assert funnel.add(before, pa.array(after, pa.string())) is None
    seen = [(new, size) for old, new, size in rows if old is None]
    assert list(funnel.entered) == [len(seen), sum(size for _, size in seen), 0]
    assert funnel.all_dropped().documents == sum(new is not None for new, _ in seen)
    assert funnel.balanced()
    merged = Funnel("x")
    merged.merge(Funnel.from_json(funnel.as_json()))
    merged.merge(funnel)
    assert list(merged.kept) == [2 * n for n in funnel.kept]
    for row, (old, _, _) in enumerate(rows):
        if old is not None:
            changed = [*after[:row], None, *after[row + 1 :]]
            assert Funnel("x").add(before, pa.array(changed, pa.string())) == row


@given(st.lists(st.tuples(st.sampled_from([None, "old"]), st.sampled_from([None, "c", "d"]), st.sampled_from("xyz"))))
def test_what_is_dropped_is_counted_by_domain(rows: list[tuple[str | None, str | None, str]]) -> None:
    columns = [[old for old, _, _ in rows], [domain for _, _, domain in rows]]
    before = pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], ["reason", "domain"])
    funnel = Funnel("s")
    funnel.add(before, pa.array([old or new for old, new, _ in rows], pa.string()))
    parts = funnel.of_domains()
    assert Funnel.from_json(funnel.as_json()).of_domains() == parts
    for domain, part in parts.items():
        entered = [new for old, new, of in rows if old is None and of == domain]
        assert part.entered.documents == len(entered)
        assert part.kept.documents == entered.count(None)
        assert {reason: counts.documents for reason, counts in part.dropped.items()} == {
            reason: entered.count(reason) for reason in ("c", "d") if reason in entered
        }
        assert part.balanced()
    assert sum(part.entered.documents for part in parts.values()) == funnel.entered.documents
