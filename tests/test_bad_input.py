"""Bad input through the whole text pass: always a document with a verdict, or a record in the quarantine."""

import importlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.stage import GlobalStage, MapStage, Stage, StageSettings
from dspipe.stages import language, lines, unicode, urls
from dspipe.stages.decontaminate import stage as decontaminate
from dspipe.stages.exact_dedup import stage as exact_dedup
from dspipe.stages.heuristics import stage as heuristics
from dspipe.stages.minhash import stage as minhash
from dspipe.stages.minhash.banding import MinhashConfig
from dspipe.stages.pii import stage as pii
from tests.engine import rows_of, run_inline

STAGES: list[dict[str, Any]] = [{name: {}} for name in ("unicode", "lines", "pii", "language", "heuristics")]

PIECES = st.sampled_from(
    [
        "plain words. ", "\0", "\ufeff", "\u200f\u202eשלום\u202c ", "مَرْحَبًا بِكَ ", "e" + "\u0301" * 30, "\u0301\u0300",
        "\ud800", "\udc00", "\ud83d\ude00", "\ufffd", "中文字。", "คำไทย ", "\n", "\r\n", "\x85\u2028", "- ", "...",
        "[1]", "a" * 70, "\u200d" * 9, "\U0001f469\u200d\U0001f467 ", "__label__en ", "</s> ", "ſﬁ", "{", "javascript ",
        "a@b.com ", "+49 30 1234567 ", "A. one B. two ", "\t\v\f", "\U0010ffff", "schÃ¶n ",
    ]
)  # fmt: skip
TEXT = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(st.characters(exclude_categories=()), max_size=60))


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[Stage[Any]]:
    """Every stage that measures text, as the engine makes them."""
    questions = tmp_path_factory.mktemp("questions") / "a.jsonl"
    questions.write_text(json.dumps({"question": "plain words in a row of words that make a question"}) + "\n")
    against = decontaminate.DecontaminateConfig(against=(str(questions),), ngram=3, shortest=2)
    return [
        unicode.Unicode("unicode", unicode.Config()),
        lines.Lines("lines", lines.Config()),
        pii.Pii("pii", pii.Config()),
        urls.UrlsStage("urls", urls.UrlsConfig(words=("casino",))),
        language.LanguageStage("language", language.LanguageConfig(keep={"en": 0.5})),
        heuristics.HeuristicsStage("heuristics", heuristics.HeuristicsConfig()),
        exact_dedup.ExactDedupStage("exact_dedup", exact_dedup.ExactDedupConfig()),
        minhash.MinhashStage("minhash", MinhashConfig()),
        decontaminate.DecontaminateStage("decontaminate", against),
    ]


def measure(stage: Stage[Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    """What a stage does in the text pass."""
    if not stage.measure_run:
        return stage.measure(batch)
    module, name = stage.measure_run.split(":")
    function = getattr(importlib.import_module(module), name)
    return function(batch, StageSettings(stage.name, stage.seed, stage.measure_settings()))


def measured(chain: list[Stage[Any]], texts: list[str], links: list[str]) -> list[dict[str, Any]]:
    """What the stages measure and decide of the documents."""
    columns = {"text": texts, "url": links, "domain": ["web"] * len(texts), "language": [None] * len(texts)}
    schema = pa.schema([("text", pa.large_string()), *((name, pa.string()) for name in ("url", "domain", "language"))])
    batch = pa.RecordBatch.from_pydict(columns, schema)
    reasons = {}
    for stage in chain:
        batch = measure(stage, batch)
        batch.validate(full=True)
        if isinstance(stage, MapStage) and stage.judge_columns():
            reasons[f"{stage.name} says"] = stage.verdicts(batch)
    reasons_column = pa.StructArray.from_arrays(list(reasons.values()), list(reasons))
    rows: list[dict[str, Any]] = batch.append_column("reasons", reasons_column).to_pylist()
    return rows


@pytest.mark.skipif(INTERPRETED, reason="hours uncompiled; every kernel has tests of its own")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=1, max_size=5), links=st.lists(TEXT, min_size=5, max_size=5))
def test_any_text_has_a_verdict_of_its_own(chain: list[Stage[Any]], texts: list[str], links: list[str]) -> None:
    from dspipe.stages.sources.reading.batches import clean_text

    clean, addresses = [clean_text(text) for text in texts], [clean_text(link) for link in links[: len(texts)]]
    rows = measured(chain, clean, addresses)
    assert len(rows) == len(texts)
    assert rows == [measured(chain, [text], [link])[0] for text, link in zip(clean, addresses, strict=True)]
    assert all("\0" not in row["text"] for row in rows)
    assert any(isinstance(stage, GlobalStage) for stage in chain)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.one_of(st.binary(max_size=80), TEXT), max_size=6))
def test_any_lines_are_read_or_quarantined(tmp_path: Path, texts: list[str | bytes]) -> None:
    """JSON lines with escapes for surrogates and NUL, or with bytes that are no UTF-8, through the engine."""
    encoded = [
        b'{"text": "%s"}' % text if isinstance(text, bytes) else json.dumps({"text": text}).encode() for text in texts
    ]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(encoded) + b"\n")
    source = {"name": "s", "format": "jsonl", "path": str(path)}
    engine = {"kind": "inline", "max_quarantined": 1.0}
    values = {"output": str(tmp_path / "out"), "engine": engine, "sources": [source], "stages": STAGES[:2]}
    result = run_inline(values)
    manifest = result.store.read_json(result.phases[0].manifests[0])
    rows = rows_of(result, ["text"])
    assert manifest["counters"]["read"] == len(rows) + manifest["counters"]["quarantined"]
    # a line feed among the bytes makes two lines of one
    assert manifest["counters"]["read"] >= sum(isinstance(text, str) for text in texts)


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_one_line_of_50_mb(tmp_path: Path) -> None:
    sentence = "The heron stood at the edge of the pond, and nobody who passed had any idea why. "
    texts = [sentence * (50_000_000 // len(sentence)), sentence, "数据" * 8_000_000]
    with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}
    result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": STAGES})
    rows = rows_of(result, ["text_bytes", "language", "reason"])
    assert [row["text_bytes"] for row in rows] == [len(text.encode()) for text in texts]
    assert [row["language"] for row in rows] == ["en", "en", "zh"]
    assert [row["reason"] for row in rows] == ["gopher.too_many_words", "gopher.too_few_words", "gopher.too_many_words"]


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_a_million_empty_documents(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([""] * 1_000_000, pa.large_string())}), tmp_path / "in.parquet")
    source = {"name": "s", "format": "parquet", "path": str(tmp_path / "in.parquet")}
    result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": STAGES[3:]})
    (phase,) = [phase for phase in result.phases if phase.name == "judge"]
    (manifest,) = [result.store.read_json(name) for name in phase.manifests]
    assert manifest["funnel"][0]["dropped"] == {"gopher.too_few_words": [1_000_000, 0, 0]}
