from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from tests.engine import planned, rows_of, run_inline
from tests.stages.dedup_corpus import Shards, deduplicating

COLUMNS = ["id", "reason"] + [f"exact_dedup.{name}" for name in ("keeper", "cluster_size", "duplicates", "dumps")]


def texts(*values: str) -> list[dict[str, Any]]:
    return [{"text": value} for value in values]


def normalized(text: str) -> str:
    return " ".join(text.split())


def test_one_document_of_each_normalized_text_stays(tmp_path: Path) -> None:
    values = ["a b", "a  b\n", "", " \t", "a B", "a b.", "\u3000a\u00a0b", "1.5", "15", "a b", "b a", "é", "e\u0301"]
    shards: Shards = {"d0": texts(*values), "d1": texts(*reversed(values)), "d2": [], "d3": texts("new", "a b")}
    rows = rows_of(run_inline(deduplicating(tmp_path, shards, "exact_dedup")), COLUMNS)
    documents = [(f"d{shard}", document["text"]) for shard in (0, 1, 3) for document in shards[f"d{shard}"]]
    numbers = [shard << 32 | row for shard, part in enumerate(shards.values()) for row in range(len(part))]
    first: dict[str, int] = {}
    for place, (_, text) in enumerate(documents):
        first.setdefault(normalized(text), place)
    for place, (row, (_, text)) in enumerate(zip(rows, documents, strict=True)):
        same = [n for n, (_, other) in enumerate(documents) if normalized(other) == normalized(text)]
        dropped = first[normalized(text)] != place
        assert row["reason"] == ("exact_dedup.duplicate" if dropped else None)
        assert row["exact_dedup.keeper"] == (numbers[same[0]] if dropped else None)
        assert row["exact_dedup.cluster_size"] == (len(same) if len(same) > 1 else None)
        copy = not dropped and len(same) > 1
        assert row["exact_dedup.duplicates"] == (len(same) - 1 if copy else None)
        assert row["exact_dedup.dumps"] == (sorted({documents[n][0] for n in same}) if copy else None)


def test_first_by_address_then_by_text(tmp_path: Path) -> None:
    shards: Shards = {
        "d0": [
            {"id": "a", "url": "http://x.example/page/", "text": "old text"},
            {"id": "b", "url": None, "text": "other"},
            {"id": "c", "url": None, "text": "new text"},
        ],
        "d1": [
            {"id": "d", "url": "https://x.example/page#top", "text": "new text"},
            {"id": "e", "url": "https://x.example/page?q=1", "text": "third"},
        ],
    }
    result = run_inline(deduplicating(tmp_path, shards, "exact_dedup", by=["url", "text"], keep=["newest"]))
    rows = rows_of(result, [*COLUMNS, "exact_dedup.url.keeper"])
    assert {row["id"]: row["reason"] for row in rows} == {
        "a": "exact_dedup.same_url", "b": None, "c": "exact_dedup.duplicate", "d": None, "e": None,
    }  # fmt: skip
    assert rows[0]["exact_dedup.url.keeper"] == 1 << 32 and rows[2]["exact_dedup.keeper"] == 1 << 32


def test_a_shard_added_is_the_only_one_read(tmp_path: Path) -> None:
    from tests.engine import tasks_run

    config = deduplicating(tmp_path, {"d0": texts("a", "b"), "d1": texts("b", "c")}, "exact_dedup")
    run_inline(config)
    (tmp_path / "d2.jsonl").write_text('{"text": "c"}\n')
    config["sources"].append({"name": "d2", "format": "jsonl", "path": str(tmp_path / "d2.jsonl"), "dump": "d2"})
    result = run_inline(config)
    assert tasks_run(result)["documents"] == 1
    assert [row["reason"] for row in rows_of(result, ["reason"])] == [
        None, None, "exact_dedup.duplicate", None, "exact_dedup.duplicate",
    ]  # fmt: skip


@pytest.mark.parametrize("settings", [{"by": []}, {"by": ["text", "text"]}, {"by": ["host"]}, {"keep": [""]}])
def test_settings_that_cannot_work_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError):
        planned(deduplicating(tmp_path, {"d0": texts("a")}, "exact_dedup", **settings))
