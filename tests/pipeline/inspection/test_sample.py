"""Samples of a run's documents: which are drawn, what stands beside them, and what is said of what isn't there."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.condition import ConditionError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.run_thresholds import NoThresholdError
from dspipe.pipeline.inspection.sample import DocumentSample, SampleError, Wanted, sample
from dspipe.pipeline.run.run_file import configured_stages
from tests.engine import run_inline
from tests.pipeline.inspection.looked_at import DOCUMENTS, SHARDS, looked_at


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> DocumentTable:
    config = looked_at(tmp_path_factory.mktemp("run"))
    run_inline(config)
    return DocumentTable.open(config["output"])


def drawn(table: DocumentTable, **wanted: Any) -> DocumentSample:
    return sample(table, Wanted(**wanted), configured_stages(table.store, False).known)


def test_all_of_a_reason_with_values_beside_limits(run: DocumentTable) -> None:
    found = drawn(run, each=1000, dropped_by=("gopher.too_few_words",))
    (part,) = found.parts
    assert part.of == len(part.documents) == 3 * 13
    for document in part.documents:
        assert (document.verdict, document.stage, document.reason) == ("dropped", "heuristics", "gopher.too_few_words")
        (one,) = document.measured
        assert (one.column, one.asks, one.broken) == ("heuristics.words", "at least 20", True)
        assert one.value == len((document.text or "").split()) < 20
        assert document.url and document.domain in ("d0", "d1") and document.text_is == "stored"
    assert drawn(run, each=1000, dropped_by=("heuristics",)) == found


def test_kept_and_dropped_are_all_documents(run: DocumentTable) -> None:
    kept = drawn(run, each=1000, kept=True).documents
    dropped = drawn(run, each=1000, dropped_by=("heuristics", "exact_dedup")).documents
    assert {d.verdict for d in kept} == {"kept"}
    everything = [d.id or "" for d in kept + dropped]
    assert len(everything) == len(set(everything)) == SHARDS * DOCUMENTS
    assert sorted(everything) == sorted(d.id for d in drawn(run, each=1000).documents if d.id)


def test_a_larger_sample_begins_with_the_smaller_one_and_another_seed_is_another(run: DocumentTable) -> None:
    few, more = drawn(run, each=5).documents, drawn(run, each=15).documents
    assert few == more[:5]
    assert {d.id for d in few} != {d.id for d in drawn(run, each=5, seed=1).documents}


def test_neither_batches_nor_workers_change_the_draw(run: DocumentTable, tmp_path: Path) -> None:
    config = looked_at(tmp_path, engine={"kind": "inline", "max_quarantined": 1, "batch_rows": 7})
    run_inline(config)
    again = DocumentTable.open(config["output"])
    assert len(again.shards[0].groups) > len(run.shards[0].groups)
    for wanted in ({"each": 9}, {"each": 3, "by": ("domain", "language")}, {"near": "heuristics.gopher.min_words"}):
        assert drawn(again, **wanted) == drawn(run, **wanted)


def test_near_a_threshold(run: DocumentTable) -> None:
    found = drawn(run, each=5, near="heuristics.gopher.min_words")
    by_side = {part.side: part for part in found.parts}
    outside = [len((d.text or "").split()) for d in by_side["outside"].documents]
    within = [len((d.text or "").split()) for d in by_side["within"].documents]
    assert outside == [19, 19, 19, 17, 17]
    assert within == [20, 20, 20, 22, 22]
    assert (by_side["outside"].of, by_side["within"].of) == (39, 81)
    (one,) = by_side["within"].documents[0].measured
    assert (one.value, one.broken) == (20, False)
    assert drawn(run, each=5, near="stages.heuristics.gopher.min_words").parts == found.parts


def test_strata(run: DocumentTable) -> None:
    found = drawn(run, each=2, by=("domain", "language"), where="heuristics.words > 4")
    strata = {(part.stratum["domain"], part.stratum["language"]): part for part in found.parts}
    assert set(strata) == {("d0", "de"), ("d0", "en"), ("d1", "de")}
    assert sum(part.of for part in found.parts) == SHARDS * (DOCUMENTS - 3)
    for (domain, language), part in strata.items():
        assert len(part.documents) == 2
        assert {(d.domain, d.language) for d in part.documents} == {(domain, language)}


def test_equal_parts_of_a_column_of_numbers(run: DocumentTable) -> None:
    found = drawn(run, each=200, by=("domain", "heuristics.words:3"), at_most_of=("language", 30))
    parts = [(part.stratum["domain"], part.stratum["heuristics.words"], part.of) for part in found.parts]
    assert [of for *_, of in parts] == [21, 18, 21, 18, 21, 21]
    assert [name for _, name, _ in parts[:3]] == ["1 of 3: below 20", "2 of 3: 20 to 40", "3 of 3: from 40"]
    for part in found.parts:
        words = [len((document.text or "").split()) for document in part.documents]
        assert len(words) == part.of and max(words) - min(words) <= 20


def test_no_more_of_one_host(run: DocumentTable) -> None:
    found = drawn(run, each=100, by=("domain",), at_most_of=("host", 7))  # all are of one host
    assert [len(part.documents) for part in found.parts] == [7, 7]
    assert [len(part.documents) for part in drawn(run, each=100, at_most_of=("language", 3)).parts] == [6]


def test_all_forms_of_a_name_are_one_host(tmp_path: Path) -> None:
    config = looked_at(tmp_path)
    urls = ("https://münchen.de/1", "https://m%C3%BCnchen.de/2", "https://xn--mnchen-3ya.de/3")
    lines = [json.dumps({"text": url, "url": url}) for url in urls]
    for file in (tmp_path / "in").iterdir():
        file.write_text("\n".join(lines))
    run_inline({**config, "stages": ["exact_dedup"]})
    found = drawn(DocumentTable.open(config["output"]), each=100, at_most_of=("host", 2))
    assert len(found.documents) == 2


def test_what_is_not_there_is_a_sentence(run: DocumentTable) -> None:
    def said(error: type[Exception], **wanted: Any) -> str:
        with pytest.raises(error) as raised:
            drawn(run, **wanted)
        return str(raised.value)

    assert "did you mean gopher.too_few_words?" in said(SampleError, dropped_by=("gopher.too_few_word",))
    assert "there are heuristics: gopher.too_few_words; exact_dedup" in said(SampleError, dropped_by=("qqq",))
    assert "did you mean language?" in said(SampleError, by=("langage",))
    assert "did you mean heuristics.words?" in said(ConditionError, where="heuristics.word > 3")
    assert "did you mean heuristics.gopher.min_words?" in said(NoThresholdError, near="heuristics.gopher.min_word")
    assert "is off in this run" in said(NoThresholdError, near="heuristics.gopher.max_words")
    assert "are several thresholds" not in said(NoThresholdError, near="zzz")
    assert "url is string, no number" in said(SampleError, by=("url:4",))
    assert "into how many equal parts" in said(SampleError, by=("heuristics.words:x",))
    assert "did you mean language?" in said(SampleError, at_most_of=("langage", 3))
    assert not drawn(run, where="heuristics.words > 4000").parts


@pytest.mark.parametrize("batch_rows", [7, 1000])
def test_texts_of_early_drops(tmp_path: Path, batch_rows: int) -> None:
    config = looked_at(tmp_path, early=True, engine={"kind": "inline", "max_quarantined": 1, "batch_rows": batch_rows})
    run_inline(config)
    table = DocumentTable.open(config["output"])
    found = drawn(table, each=20, dropped_by=("gopher.too_few_words",))
    texts = [d.text for d in found.documents]
    assert [text is not None for text in texts] == [True] * 12 + [False] * 8
    assert found.documents[0].text_is == "dropped early: kept to be looked at"
    assert "not stored" in found.documents[-1].text_is
    assert "no even draw" in found.remarks[0]
    assert all((text or "").startswith("word0x") for text in texts[:12])
    assert found.documents[0].measured[0].value == len((texts[0] or "").split())
    assert not drawn(table, each=2, kept=True).remarks


def test_a_run_whose_shards_are_being_read(tmp_path: Path) -> None:
    from dataclasses import replace

    config = looked_at(tmp_path)
    run_inline(config)
    whole = DocumentTable.open(config["output"])
    begun = DocumentTable(whole.store, replace(whole.run, finished=False, phases=[], to_come=[]))
    found = drawn(begun, each=4)
    assert [d.verdict for d in found.documents] == ["undecided"] * 4
    assert "isn't finished" in found.remarks[0]
    with pytest.raises(SampleError, match="has dropped no document so far"):
        drawn(begun, dropped_by=("heuristics",))
    for file in Path(config["output"]).glob("documents/*"):
        file.unlink()
    with pytest.raises(SampleError, match="no shard is read yet"):
        drawn(DocumentTable(begun.store, begun.run))
