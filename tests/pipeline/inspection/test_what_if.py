"""What an edit would change, held against runs of the edited config."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.what_if import WhatIf
from dspipe.pipeline.rejudging import NeedsRunError
from tests.engine import rows_of, run_inline
from tests.stages import dedup_corpus

LENGTHS, SCORES = "tests.toys.lengths", "tests.toys.scores"
Values = dict[str, Any]


def write_sources(folder: Path, documents: int = 240) -> list[Values]:
    """Two shards of two domains and languages: texts that begin with a score, many of them or their addresses twice."""
    rng = np.random.default_rng(5)
    folder.mkdir(exist_ok=True)
    sources = []
    for name in ("books", "web"):
        lines = []
        for row in range(documents // 2):
            score = "-" if rng.random() < 0.05 else f"{rng.integers(0, 40) / 40:.3f}"
            text = f"{score} {'word ' * int(rng.integers(1, 12))}{rng.integers(0, 3)}"
            url = f"https://host/{rng.integers(0, documents)}" if rng.random() < 0.8 else None
            lines.append({"id": f"{name}{row}", "text": text, "url": url, "language": "de" if row % 3 else "en"})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        fields = {"language": "language"}
        sources.append(
            {
                "name": name,
                "format": "jsonl",
                "path": str(folder / f"{name}.jsonl"),
                "domain": name,
                "dump": name,
                "fields": fields,
            }
        )
    return sources


def exact_config(tmp_path: Path, **lengths: Any) -> Values:
    """Stages whose verdicts are known exactly."""
    return {
        "output": str(tmp_path / "run"),
        "sources": write_sources(tmp_path / "in"),
        "stages": [
            {LENGTHS: {"minimum": 20, **lengths}},
            {
                SCORES: {
                    "name": "quality",
                    "model": "none",
                    "at_least": {"en": 0.1},
                    "drop_lowest": 0.2,
                    "by": "language",
                }
            },
            {"exact_dedup": {"by": ["url", "text"], "keep": ["quality", "newest"]}},
            {"remix": {"weights": {"books": 0.3, "web": 0.7}, "max_epochs": 2}},
        ],
    }


def edited(values: Values, tmp_path: Path, stages: dict[str, Values]) -> Values:
    """The config with other settings, and another output."""
    items = [
        {name: {**settings, **stages.get(name, {})}} for item in values["stages"] for name, settings in item.items()
    ]
    return {**values, "output": str(tmp_path / "edited"), "stages": items}


def as_edits(stages: dict[str, Values]) -> list[str]:
    return [
        f"stages.{name}.{key}={json.dumps(value)}"
        for name, settings in stages.items()
        for key, value in settings.items()
    ]


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> tuple[Values, WhatIf, list[Values]]:
    """A config, what is asked of its run, and the run's documents."""
    values = exact_config(tmp_path_factory.mktemp("exact"))
    rows = rows_of(run_inline(values), ["id", "reason"])
    return values, WhatIf(DocumentTable.open(values["output"]), import_own=True), rows


def reasons_of(what_if: WhatIf, edits: Sequence[str]) -> list[str | None]:
    verdicts = what_if.verdicts(edits)
    assert not verdicts.unsure.any()
    return [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes.tolist()]


@pytest.mark.parametrize(
    "stages",
    [
        {LENGTHS: {"minimum": 35}},
        {LENGTHS: {"minimum": 8}, SCORES: {"drop_lowest": 0.1, "at_least": 0.3}},
        {SCORES: {"drop_lowest": {"en": 0.5}}, "exact_dedup": {"keep": ["longest"]}},
        {"exact_dedup": {"keep": "none"}, "remix": {"weights": {"books": 0.6, "web": 0.4}}},
        {LENGTHS: {"minimum": 30, "domains": ["web"]}, SCORES: {"drop_lowest": None}},
        {LENGTHS: {"minimum": 12}, "exact_dedup": {"scope": "per_dump", "min_cluster": 4}},
    ],
    ids=["up", "down", "groups", "copies", "domains", "dumps"],
)
def test_verdicts_are_those_of_a_run(
    exact: tuple[Values, WhatIf, list[Values]], stages: dict[str, Values], tmp_path: Path
) -> None:
    values, what_if, before = exact
    result = run_inline(edited(values, tmp_path, stages))
    found = reasons_of(what_if, as_edits(stages))
    after = rows_of(result, ["id", "reason"])
    assert [row["id"] for row in before] == [row["id"] for row in after]
    assert found == [row["reason"] for row in after]
    answer = what_if.ask(as_edits(stages))
    assert answer.exact and answer.kept_after == answer.kept_least == answer.kept_most
    assert answer.kept_after == result.phases[-1].funnel[-1].kept
    changed = sum(one["reason"] != other["reason"] for one, other in zip(before, after, strict=True))
    assert 0 < changed == answer.changed.documents == sum(flow.counts.documents for flow in answer.flows)
    groups = sum(
        group.newly_kept.documents + group.newly_dropped.documents + group.other_reason for group in answer.groups
    )
    assert groups == changed
    (mixture,) = [stage.tables["mixture"] for stage in answer.stages if stage.name == "remix"]
    plan = json.loads(Path(result.store.path("mixture.json")).read_text())
    assert {row["domain"]: row["bytes drawn after"] for row in mixture} == {
        domain["domain"]: domain["tokens_drawn"] for domain in plan["domains"]
    }


def test_samples_say_what_decided(exact: tuple[Values, WhatIf, list[Values]]) -> None:
    _, what_if, before = exact
    answer = what_if.ask([f"stages.{LENGTHS}.minimum=8"], samples=4)
    reasons = {row["id"]: row["reason"] for row in before}
    assert {sample.reason_after is None for sample in answer.samples} == {True, False}
    for sample in answer.samples:
        assert reasons[sample.id] == sample.reason_before != sample.reason_after
        assert sample.domain == "books" if sample.id.startswith("books") else "web"
        assert sample.text.partition(" ")[0] and sample.shard in (0, 1)
    assert json.loads(json.dumps(answer.as_json()))["samples"][0]["id"] == answer.samples[0].id
    assert what_if.ask([f"stages.{LENGTHS}.minimum=8"], samples=4).samples == answer.samples
    others = what_if.ask([f"stages.{LENGTHS}.minimum=8"], samples=4, seed=1).samples
    assert [sample.id for sample in others] != [sample.id for sample in answer.samples]
    scores = what_if.ask([f"stages.{SCORES}.at_least=0.9"], samples=20).samples
    held = [one for sample in scores if sample.reason_after == "scores.low_score" for one in sample.held]
    assert all(one.column == "quality" and one.asks_after == "at least 0.9" for one in held)


def test_an_edit_without_effect_says_so(exact: tuple[Values, WhatIf, list[Values]]) -> None:
    _, what_if, before = exact
    for edits in (
        [f"stages.{LENGTHS}.minimum=20"],
        ["engine.workers=7", "output=elsewhere"],
        ["stages.exact_dedup.alarm_share=0.5"],
    ):
        answer = what_if.ask(edits)
        assert answer.exact and answer.changed.documents == 0
        assert answer.kept_after == answer.kept_before
        assert reasons_of(what_if, edits) == [row["reason"] for row in before]
    assert not what_if.ask([f"stages.{LENGTHS}.minimum=20"]).changes


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (f"stages.{LENGTHS}.unit=words", "unit of lengths changes what is measured"),
        ("sources.web.domain=x", "other sources need a run"),
        ("seed=7", "another seed needs a run"),
        ("stages.exact_dedup.by=[text]", "changes what is measured|other rounds of exact_dedup need a run"),
        ("stages.remix.weights={books: 0.9, web: 0.1}", "remix would refuse: the mixture can't be drawn"),
        ("stages.3=minhash", "stages that come, go or change places"),
        ("stages.exact_dedup.keep=[oldest, quality]", "keep.1: nothing can follow `oldest`"),
    ],
)
def test_what_only_a_run_can_say(exact: tuple[Values, WhatIf, list[Values]], edit: str, message: str) -> None:
    edits = [edit, "stages.remix.tokens=1e9"] if "remix" in edit else [edit]
    with pytest.raises((NeedsRunError, InvalidConfigError), match=message):
        exact[1].ask(edits)


def test_unknown_keys_are_refused(exact: tuple[Values, WhatIf, list[Values]]) -> None:
    with pytest.raises(InvalidConfigError, match="did you mean minimum"):
        exact[1].ask([f"stages.{LENGTHS}.minimun=3"])
    with pytest.raises(InvalidConfigError, match="there is no minhash"):
        exact[1].ask(["stages.minhash.bands=3"])


def test_own_modules_are_not_imported_unasked(exact: tuple[Values, WhatIf, list[Values]]) -> None:
    values, _, _ = exact
    what_if = WhatIf(DocumentTable.open(values["output"]))
    with pytest.raises(NeedsRunError, match="ask with --import-own"):
        what_if.ask([f"stages.{LENGTHS}.minimum=8"])
    answer = what_if.ask(["stages.exact_dedup.keep=[longest]"])
    assert answer.exact and answer.changed.documents


def test_bounds_where_columns_are_null(tmp_path: Path) -> None:
    """Behind a stage that drops early nothing is measured of what it has dropped."""
    values = exact_config(tmp_path, early=True)
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]), import_own=True)
    answer = what_if.ask([f"stages.{LENGTHS}.minimum=8"])
    kept = run_inline(edited(values, tmp_path, {LENGTHS: {"minimum": 8}})).phases[-1].funnel[-1].kept
    assert not answer.exact and answer.unsure
    assert any("dropped them `early`" in remark for remark in answer.remarks)
    assert answer.kept_least.documents <= kept.documents <= answer.kept_most.documents
    exact = what_if.ask([f"stages.{LENGTHS}.minimum=30"])
    assert exact.exact
    result = run_inline(edited(values, tmp_path, {LENGTHS: {"minimum": 30}}))
    assert exact.kept_after == result.phases[-1].funnel[-1].kept


def write_chains(folder: Path, chains: int = 30) -> list[Values]:
    """Chains of three in which each is like its neighbour alone; the first is the oldest, and the shortest."""
    rng, lines = np.random.default_rng(3), []
    for chain in range(chains):
        words = [f"w{number}" for number in rng.integers(0, 5000, 100)]
        for place in range(3):
            lines.append({"id": f"{chain}-{place}", "text": " ".join(words), "date": f"202{place}-01-01"})
            for edited in (10 + 40 * place, 30 + 40 * place):
                words[edited % 100] = f"another{chain}word{place}"
    folder.mkdir()
    (folder / "chains.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [{"name": "chains", "format": "jsonl", "path": str(folder / "chains.jsonl"), "fields": {"date": "date"}}]


def test_what_is_certain_is_so_behind_guesses(tmp_path: Path) -> None:
    """Of a chain the second was dropped for the first, which leaves: now the third decides, or it is kept in its place,
    and remix draws it or not. Dropped either way, it isn't certain by whom; nor is it what remix draws at its edge."""
    minhash = {"bands": 14, "rows": 8, "keep": ["oldest"]}
    values: Values = {"output": str(tmp_path / "run"), "sources": write_chains(tmp_path / "in")}
    values["stages"] = [
        {LENGTHS: {"minimum": 100}},
        {"minhash": minhash},
        {"remix": {"by": "source", "tokens": 12_000}},
    ]
    before = run_inline(values)
    longest = max(len(row["text"]) for row in rows_of(before, ["id", "text"]) if row["id"].endswith("-0"))
    after = rows_of(run_inline(edited(values, tmp_path, {LENGTHS: {"minimum": longest + 1}})), ["id", "reason"])
    verdicts = WhatIf(DocumentTable.open(values["output"]), import_own=True).verdicts(
        [f"stages.{LENGTHS}.minimum={longest + 1}"]
    )
    said = [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes]
    wrong = set()
    for row, verdict, unsure, may in zip(after, said, verdicts.unsure, verdicts.open, strict=True):
        assert unsure or verdict == row["reason"], (row, verdict)
        assert may or (verdict is None) == (row["reason"] is None), (row, verdict)
        if verdict != row["reason"]:
            wrong.add((verdict, row["reason"]))
    assert ("remix.not_drawn", "minhash.near_duplicate") in wrong


def test_bounds_of_near_duplicates(tmp_path: Path) -> None:
    settings = {"bands": 14, "rows": 8, "keep": ["longest"]}
    values = dedup_corpus.deduplicating(tmp_path, dedup_corpus.corpus(), "minhash", **settings)
    values["stages"].insert(0, {LENGTHS: {"minimum": 585}})
    before = rows_of(run_inline(values), ["id", "reason"])
    what_if = WhatIf(DocumentTable.open(values["output"]), import_own=True)
    for minimum in (589, 594, 575, 5):
        result = run_inline(edited(values, tmp_path, {LENGTHS: {"minimum": minimum}}))
        after = rows_of(result, ["id", "reason"])
        answer = what_if.ask([f"stages.{LENGTHS}.minimum={minimum}"])
        kept = sum(row["reason"] is None for row in after)
        assert answer.kept_least.documents <= kept <= answer.kept_most.documents, (minimum, kept)
        assert answer.changed.documents
        if minimum < 585:
            assert any("resemble" in remark for remark in answer.remarks)
            continue
        # documents only leave: what is certain is so
        verdicts = what_if.verdicts([f"stages.{LENGTHS}.minimum={minimum}"])
        for code, unsure, row in zip(verdicts.codes.tolist(), verdicts.unsure.tolist(), after, strict=True):
            assert unsure or (None if code < 0 else verdicts.names.names[code]) == row["reason"], row
        guessed = int(verdicts.unsure.sum())
        assert guessed < sum(row["reason"] == "minhash.near_duplicate" for row in before)
    with pytest.raises(NeedsRunError, match="what another keep of minhash changes"):
        what_if.ask(["stages.minhash.keep=[oldest]"])


def test_memory_for_columns_changes_nothing(exact: tuple[Values, WhatIf, list[Values]]) -> None:
    values, what_if, _ = exact
    edits = [f"stages.{LENGTHS}.minimum=8"]
    without = WhatIf(DocumentTable.open(values["output"]), import_own=True, memory=0)
    for _ in range(2):
        assert reasons_of(without, edits) == reasons_of(what_if, edits)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("text_bytes >", "isn't a condition"),
        ("text_byte > 3", "there is no column text_byte; did you mean text_bytes"),
        ("1 = 1", "names no column"),
    ],
)
def test_a_condition_that_is_none_is_a_mistake_of_the_edit(tmp_path: Path, condition: str, said: str) -> None:
    sources = write_sources(tmp_path / "in", documents=8)
    values: Values = {
        "output": str(tmp_path / "run"),
        "sources": sources,
        "stages": [{"where": {"keep": "text_bytes > 9"}}],
    }
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]))
    assert [(one.key, one.before) for one in what_if.ask(["stages.where.keep={long: text_bytes > 20}"]).changes] == [
        ("stages.where.keep.not_chosen", "text_bytes > 9"),
        ("stages.where.keep.long", None),
    ]
    with pytest.raises(InvalidConfigError, match=said) as raised:
        what_if.ask([f"stages.where.keep={condition}"])
    assert str(raised.value).startswith("--set stages.where.keep=")


def test_of_several_stages_of_a_kind_the_edited_one_is_named(tmp_path: Path) -> None:
    conditions = {"short": "text_bytes > 9", "long": "text_bytes < 99"}
    stages: list[Any] = [{"where": {"name": name, "keep": text}} for name, text in conditions.items()]
    stages.append("exact_dedup")
    values: Values = {"output": str(tmp_path / "run"), "sources": write_sources(tmp_path / "in", 8), "stages": stages}
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]))
    (change,) = what_if.ask(["stages.long.keep={not_chosen: text_bytes < 50}"]).changes
    assert change.key == "stages.long.keep.not_chosen"
    # of a stage without settings only what the edit gives it
    (change,) = what_if.ask(["stages.exact_dedup.keep=[longest]"]).changes
    assert change.key == "stages.exact_dedup.keep"
