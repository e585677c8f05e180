"""One document's page: its text in parts, also of one that was dropped early."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.doc_id import ROW_BITS
from dspipe.pipeline.inspection.early_kept import NOT_STORED
from dspipe.pipeline.inspection.what_if import WhatIf
from dspipe.pipeline.stage import Span
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.early_texts import MOST
from dspipe.serve.document_story import mark_text, read_story
from dspipe.serve.opened import open_run, state_of
from dspipe.serve.views.documents import cards_of
from tests.engine import run_inline
from tests.pipeline.inspection.looked_at import DOCUMENTS, SHARDS, document, looked_at


def test_what_stages_mark() -> None:
    spans = [Span(2, 4, "a rule"), Span(4, 4, "cut here"), Span(6, 9, "another")]
    parts = [("ab", ""), ("cd", "a rule"), ("", "cut here"), ("ef", ""), ("ghi", "another"), ("j", "")]
    assert mark_text("abcdefghij", spans) == parts
    assert mark_text("", []) == []
    assert mark_text("abc", [Span(1, 9, "longer than what is shown"), Span(10, 12, "behind")]) == [
        ("a", ""),
        ("bc", "longer than what is shown"),
    ]


@given(st.text(max_size=30), st.lists(st.integers(0, 40), max_size=8))
def test_nothing_is_lost(text: str, borders: list[int]) -> None:
    borders = sorted(borders)
    spans = [Span(start, end, "x") for start, end in zip(borders[::2], borders[1::2], strict=False)]
    assert "".join(part for part, _ in mark_text(text, spans)) == text


def test_texts_kept_of_what_was_dropped_early(tmp_path: Path) -> None:
    root = run_inline(looked_at(tmp_path, early=True)).store.root
    run = open_run("a", root, state_of(Store(root)))
    shown, told = 0, 0
    for shard in range(SHARDS):
        numbers = [shard << int(ROW_BITS) | row for row in range(DOCUMENTS)]
        for row, card in enumerate(cards_of(run, numbers)):
            text, story = str(document(shard, row)["text"]), read_story(run, numbers[row])
            early = card["reason"] == "gopher.too_few_words"
            assert (
                "".join(part for part, _ in story.text)
                == card["text"]
                == ("" if card["text_is"] == NOT_STORED else text)
            )
            assert story.text_is == card["text_is"] and bool(story.text_is) == early
            shown, told = shown + (early and card["text"] == text), told + (card["text_is"] == NOT_STORED)
    assert shown == SHARDS * MOST and told > 0
    samples = WhatIf(run.table).ask(["stages.heuristics.gopher.min_words=5"], samples=20).samples
    assert {sample.text for sample in samples if sample.text} <= {
        str(document(shard, row)["text"]) for shard in range(SHARDS) for row in range(DOCUMENTS)
    }
    assert any(sample.text for sample in samples)
