"""Which stages measure in which reading of the texts."""

from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.stage import Corpus
from dspipe.stages.host_lines import HostLinesStage
from tests.engine import configured, planned, rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus
from tests.toys.lengths import Lengths

LENGTHS: dict[str, Any] = {"tests.toys.lengths": {}}
EXACT: dict[str, Any] = {"minhash": {"verify": "exact"}}


def plan_of(tmp_path: Path, *stages: Any) -> Plan:
    corpus(tmp_path / "in")
    return planned({**config(tmp_path), "stages": list(stages)})


def passes(tmp_path: Path, *stages: Any) -> list[str]:
    """What the titles of the passes say is measured in each."""
    plan = plan_of(tmp_path, *stages)
    return [phase.title.partition(": ")[2] for phase in plan.phases if phase.measures]


def test_a_pass_ends_at_a_stage_that_rewrites_texts_where_others_measure_behind_it(tmp_path: Path) -> None:
    named: list[dict[str, Any]] = [LENGTHS, {"exact_dedup": {}}, {"host_lines": {}}, {"repeated_spans": {}}]
    lengths, exact, lines, spans = named
    assert passes(tmp_path, lengths, exact, lines, spans) == ["lengths, exact_dedup"]
    assert passes(tmp_path, lines, lengths, spans, exact) == ["", "lengths", "exact_dedup"]
    assert passes(tmp_path, lines, spans, lengths, exact) == ["", "lengths, exact_dedup"]
    assert passes(tmp_path, exact, lines, lengths) == ["exact_dedup", "lengths"]


def test_a_pass_ends_at_a_stage_that_reads_texts_where_others_rewrite_behind_it(tmp_path: Path) -> None:
    lengths = LENGTHS
    assert passes(tmp_path, EXACT, lengths, {"pii": {}}, {"unicode": {}}) == ["minhash, lengths", "pii, unicode"]
    assert passes(tmp_path, {"minhash": {}}, lengths, {"pii": {}}) == ["minhash, lengths, pii"]
    longest = {"minhash": {"keep": ["longest"]}}
    assert passes(tmp_path, longest, {"pii": {}}) == ["minhash", "pii"], "how long a text is changes too"
    assert passes(tmp_path, {"pii": {}}, longest, lengths) == ["pii, minhash, lengths"]
    assert passes(tmp_path, {"host_lines": {}}, lengths, EXACT, {"pii": {}}) == ["", "lengths, minhash", "pii"]


def test_the_later_pass_stands_right_behind_what_makes_it_necessary(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"host_lines": {}}, {"tests.toys.unique": {}}, {"tests.toys.lengths": {}})
    names = [phase.name for phase in plan.phases]
    assert names[names.index("host_lines.rewrite") :][:3] == ["host_lines.rewrite", "documents-2", "unique.emit"]


def test_texts_that_are_read_later_are_not_left_out_early(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, EXACT, {"tests.toys.lengths": {"early": True}})
    assert [phase.notes for phase in plan.phases if phase.measures] == [
        ("not by lengths, though it says `early`: minhash before it reads the texts",)
    ]
    plan = plan_of(tmp_path, {"tests.toys.lengths": {"early": True}}, EXACT)
    assert plan.phases[0].notes == ("text dropped at once by lengths",)


def test_what_has_rewritten_texts_is_part_of_an_index(tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    stages = [{"pii": {}}, {"repeated_lines": {"domains": ["web"]}}, {"exact_dedup": {}}, {"host_lines": {}}]
    loaded = configured({**config(tmp_path), "stages": stages})
    rewriting = tuple((stage.name, stage.measure_settings()) for stage in loaded.stages if stage.rewrites)
    names = tuple(stage.name for stage in loaded.stages)
    found = Corpus(1, 1, 1, 1, names, rewriting).rewritten_before("exact_dedup")
    assert [name for name, _ in found] == ["pii", "repeated_lines"]
    assert found[1][1]["domains"] == ["web"]


def test_a_stage_that_writes_texts_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostLinesStage, "rewrites", False)
    with pytest.raises(
        InvalidConfigError, match=r"stages\.host_lines.*writes the column `text`.*say so with `rewrites"
    ):
        plan_of(tmp_path, {"host_lines": {}})


def test_what_costs_much_is_measured_behind_what_drops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lengths, "measures_kept_only", True)
    monkeypatch.setattr(Lengths, "gpus", 0.5)
    pii: dict[str, Any] = {"pii": {}}
    exact: dict[str, Any] = {"exact_dedup": {}}
    marks: dict[str, Any] = {"tests.toys.marks": {"mark": "a", "at_most": 0}}
    early: dict[str, Any] = {"tests.toys.marks": {"mark": "a", "at_most": 0, "early": True}}
    hosts = {"ensemble": {"of": ["text_bytes"]}}
    assert passes(tmp_path, LENGTHS, pii, exact) == ["lengths, pii, exact_dedup"]
    assert passes(tmp_path, pii, exact, LENGTHS) == ["pii, exact_dedup", "lengths"]
    assert passes(tmp_path, pii, marks, LENGTHS) == ["pii, marks", "lengths"]
    assert passes(tmp_path, pii, early, LENGTHS) == ["pii, marks, lengths"], "it leaves that pass at once"
    assert passes(tmp_path, pii, hosts, LENGTHS) == ["pii, lengths"], "it drops nothing"
    assert passes(tmp_path, exact, {"host_lines": {}}, LENGTHS) == ["exact_dedup", "lengths"]
    assert passes(tmp_path, {"host_lines": {}}, exact, LENGTHS) == ["", "exact_dedup", "lengths"]
    plan = plan_of(tmp_path, exact, marks, LENGTHS, pii)
    names = [phase.name for phase in plan.phases if phase.over in ("inputs", "shards")]
    assert names[names.index("judge") :] == ["judge", "documents-2", "judge-2"]
    assert [phase.gpus for phase in plan.phases if phase.measures] == [0, 0.5]


def test_only_what_is_kept_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages: list[dict[str, Any]] = [{"tests.toys.marks": {"mark": "a", "at_most": 1}}, {"exact_dedup": {}}, LENGTHS]
    corpus(tmp_path / "in")
    columns = ["text", "reason", "lengths.length"]
    everything = rows_of(run_inline({**config(tmp_path), "stages": stages}), columns)
    monkeypatch.setattr(Lengths, "measures_kept_only", True)
    found = rows_of(run_inline({**config(tmp_path), "stages": stages, "output": str(tmp_path / "kept")}), columns)
    assert [row["reason"] for row in found] == [row["reason"] for row in everything]
    for row, other in zip(found, everything, strict=True):
        scored = row["reason"] in (None, "lengths.too_short")
        assert row["lengths.length"] == (other["lengths.length"] if scored else None)
    assert any(row["lengths.length"] is None for row in found)
