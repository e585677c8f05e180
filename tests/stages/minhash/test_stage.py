import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.run.run import RunResult
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks import merge_exchange
from tests.engine import artifact_files, planned, rows_of, run_inline, tasks_run
from tests.shared import shared
from tests.stages.dedup_corpus import corpus, deduplicating, words
from tests.stages.minhash.slowly import dedup_slowly

COLUMNS = ["id", "reason"] + [
    f"minhash.{name}" for name in ("keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps")
]


def numbered(rows: list[dict[str, Any]], shards: dict[str, list[dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    numbers = [shard << 32 | row for shard, part in enumerate(shards.values()) for row in range(len(part))]
    return dict(zip(numbers, rows, strict=True))


@pytest.mark.parametrize(
    ("scope", "keep", "min_cluster"),
    [
        ("global", "oldest", None),
        ("global", "newest", None),
        ("per_dump", "oldest", None),
        ("per_dump", "newest", 7),
    ],
)
def test_the_same_verdicts_as_with_dictionaries(tmp_path: Path, scope: str, keep: str, min_cluster: int | None) -> None:
    shards = corpus()
    result = run_inline(deduplicating(tmp_path, shards, "minhash", scope=scope, keep=[keep], min_cluster=min_cluster))
    found = numbered(rows_of(result, COLUMNS), shards)
    expected = dedup_slowly(shards, 14, 8, 81, scope == "per_dump", keep == "newest", min_cluster)
    sizes: dict[int, int] = defaultdict(int)
    duplicates: dict[int, list[int]] = defaultdict(list)
    for number, (keeper, component, _) in expected.items():
        sizes[component] += 1
        if keeper != number:
            duplicates[keeper].append(number)
    assert len(duplicates) > 15 and any(
        len({expected[n][0] for n in expected if expected[n][1] == c}) > 1 for c in sizes
    )
    for number, row in found.items():
        keeper, group, equal = expected.get(number, (number, None, 0))
        dropped = keeper != number
        assert row["reason"] == ("minhash.near_duplicate" if dropped else None)
        assert row["minhash.keeper"] == (keeper if dropped else None)
        assert row["minhash.cluster"] == group
        assert row["minhash.cluster_size"] == (None if group is None else sizes[group])
        assert row["minhash.similarity"] == (pytest.approx(equal / 112) if dropped else None)
        assert row["minhash.duplicates"] == (len(duplicates[number]) or None)
        dumps = sorted({f"d{copy >> 32}" for copy in [number, *duplicates[number]]})
        assert row["minhash.dumps"] == (dumps if duplicates[number] else None)


def test_partitions_and_memory_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = corpus(2)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = rows_of(run_inline(deduplicating(tmp_path / "a", shards, "minhash")), COLUMNS)
    monkeypatch.setattr("dspipe.stages.minhash.stage.partitions_for", lambda corpus, share: 13)
    monkeypatch.setattr("dspipe.stages.minhash.windows.WINDOW_ROWS", 7)
    monkeypatch.setattr("dspipe.stages.minhash.components.BYTES_PER_EDGE", 1 << 40)
    small = {"engine": {"kind": "inline", "memory": 20_000}, **deduplicating(tmp_path / "b", shards, "minhash")}
    assert rows_of(run_inline(small), COLUMNS) == one


def test_components_found_by_many_partitions_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = corpus(2, shards=3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = run_inline(deduplicating(tmp_path / "a", shards, "minhash"))
    monkeypatch.setattr("dspipe.stages.minhash.stage.MANY_PARTITIONS", 1)
    by_many = run_inline(
        {**deduplicating(tmp_path / "b", shards, "minhash"), "engine": {"kind": "inline", "merge_above": 1}}
    )
    phases = {phase.name: phase for phase in by_many.phases}
    assert phases["minhash.small_star"].tasks == 8 and "minhash.components" not in phases
    assert phases["minhash.trim"].counters["leaves"] > 50
    assert rows_of(by_many, COLUMNS) == rows_of(one, COLUMNS)


def test_merged_exchanges_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_exchange, "SENDERS_A_TASK", 2)
    shards = corpus(2, shards=9)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    config = deduplicating(tmp_path / "a", shards, "minhash")
    config["stages"] = [{"exact_dedup": {}}, {"minhash": {}}]
    plain = run_inline(config)
    merging = {**config, "output": str(tmp_path / "b" / "run"), "engine": {"kind": "inline", "merge_above": 1}}
    merged = run_inline(merging)
    assert rows_of(merged, COLUMNS) == rows_of(plain, COLUMNS)
    tasks = {phase.name: phase.tasks for phase in merged.phases if phase.name.endswith(".merge")}
    # groups of 4 senders, ranges of 4 partitions
    assert tasks == {f"{name}.merge": -(-senders // 4) * -(-partitions // 4) for name, senders, partitions in (
        ("exact_dedup.send", 9, 8), ("exact_dedup.group", 8, 9), ("minhash.bands", 9, 8), ("minhash.candidates", 8, 9),
        ("minhash.pairs", 9, 8), ("minhash.compare", 8, 8), ("minhash.members", 9, 8), ("minhash.keepers", 8, 9),
    )}  # fmt: skip
    assert tasks_run(run_inline(merging)) == {}

    def hashes(result: RunResult) -> list[dict[str, str]]:
        manifests = next(phase.manifests for phase in result.phases if phase.name == "minhash.verdicts")
        shards = [result.store.read_json(name)["columns"] for name in manifests]
        return [{name: digest for name, (_, digest) in columns.items()} for columns in shards]

    assert hashes(merged) == hashes(plain)
    for file in (tmp_path / "b" / "run" / "minhash.keepers.merge").glob("00001-*"):
        file.unlink()
    assert tasks_run(run_inline(merging)) == {"minhash.keepers.merge": 1}


def test_merging_asks_for_fewer_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read_range = Store.read_range

    def spied(store: Store, name: str, start: int, length: int) -> bytes:
        asked.append(name.partition("/")[0])
        return read_range(store, name, start, length)

    monkeypatch.setattr(Store, "read_range", spied)
    monkeypatch.setattr(merge_exchange, "SENDERS_A_TASK", 2)
    senders, partitions, group, ranges = 16, 8, 4, 2
    for merge_above, expected in (
        (1 << 20, {"minhash.bands": 2 * senders * partitions}),
        (1, {"minhash.bands": 2 * senders * ranges, "minhash.bands.merge": 2 * senders // group * partitions}),
    ):
        asked.clear()
        place = tmp_path / str(merge_above)
        place.mkdir()
        config = deduplicating(place, corpus(2, shards=senders), "minhash")
        run_inline({**config, "engine": {"kind": "inline", "merge_above": merge_above}})
        assert {name: asked.count(name) for name in expected} == expected


def test_exact_duplicates_that_went_before_take_no_part(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(3), 80))
    near = text.replace("w1", "W1") + "!"
    shards = {"d0": [{"id": "a", "text": text}, {"id": "b", "text": text}], "d1": [{"id": "c", "text": near}]}
    config = deduplicating(tmp_path, shards, "minhash")
    config["stages"] = [{"exact_dedup": {}}, {"minhash": {}}]
    rows = rows_of(run_inline(config), ["reason", "exact_dedup.keeper", *COLUMNS[2:]])
    assert [row["reason"] for row in rows] == [None, "exact_dedup.duplicate", "minhash.near_duplicate"]
    assert rows[1]["exact_dedup.keeper"] == 0 and rows[1]["minhash.cluster"] is None
    assert rows[2]["minhash.keeper"] == 0 and rows[0]["minhash.duplicates"] == 1


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ({"keep": ["oldest"]}, "a"),
        ({"keep": ["newest"]}, "e"),
        ({"keep": ["longest"]}, "c"),
        ({"keep": ["source", "newest"], "sources": ["s1"]}, "d"),
        ({"keep": ["tests.toys.lengths.length"]}, "b"),
    ],
)
def test_the_kept_copy_is_a_choice(tmp_path: Path, keep: dict[str, Any], kept: str) -> None:
    base = words(np.random.default_rng(4), 200)
    texts = {
        "a": " ".join(base),
        "b": " ".join(base) + " " * 60,
        "c": " ".join(base) + " é" * 2 + "𝟎" * 20,
        "d": " ".join(base) + ".",
        "e": " ".join(base) + "..",
    }
    shards = {
        "s0": [{"id": name, "text": texts[name]} for name in "abc"],
        "s1": [{"id": "d", "text": texts["d"]}],
        "s2": [{"id": "e", "text": texts["e"]}],
    }
    if "tests.toys.lengths.length" in keep["keep"]:
        keep = {"keep": ["lengths.length"]}
    config = deduplicating(tmp_path, shards, "minhash", **keep)
    config["stages"].insert(0, {"tests.toys.lengths": {"minimum": 0}})
    rows = rows_of(run_inline(config), ["id", "reason", "minhash.dumps"])
    assert [row["id"] for row in rows if row["reason"] is None] == [kept]
    assert next(row["minhash.dumps"] for row in rows if row["reason"] is None) == ["s0", "s1", "s2"]


def test_half_the_corpus_in_one_cluster(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(5), 40))
    shards = {
        f"d{shard}": [
            {"id": f"{shard}-{n}", "text": text if n % 2 else f"{text[: n % 50]} own {shard} {n}"} for n in range(1000)
        ]
        for shard in range(3)
    }
    result = run_inline(deduplicating(tmp_path, shards, "minhash"))
    rows = rows_of(result, ["id", *COLUMNS[1:]])
    clones = [row for row in rows if int(row["id"].split("-")[1]) % 2]
    assert [row["reason"] for row in clones] == [None] + ["minhash.near_duplicate"] * 1499
    assert {row["minhash.cluster_size"] for row in clones} == {1500}
    counters = {phase.name: phase.counters for phase in result.phases}
    assert counters["minhash.bands"]["keys kept from the exchange"] >= 14 * (1500 - 3 * 16)
    assert counters["minhash.candidates"]["pairs"] < 3 * 3000


@pytest.mark.parametrize("script", [(0x4E00, 0x9FA5), (0x3041, 0x3096), (0x0E01, 0x0E2E), (0x1000, 0x1021)])
def test_scripts_without_spaces(tmp_path: Path, script: tuple[int, int]) -> None:
    """Two characters in three hundred are edited: one word and another, for whoever splits at spaces."""
    rng = np.random.default_rng(9)
    texts = ["".join(map(chr, rng.integers(*script, 300))) for _ in range(6)]
    near = [text[:100] + chr(script[0]) + text[101:250] + chr(script[0]) + text[251:] for text in texts]
    shards = {"d0": [{"id": f"{n}", "text": text} for n, text in enumerate(texts + near)]}
    rows = rows_of(run_inline(deduplicating(tmp_path, shards, "minhash")), COLUMNS)
    assert [row["minhash.keeper"] for row in rows] == [None] * 6 + list(range(6))


def test_the_ten_marked_copies_among_a_thousand_news_articles(tmp_path: Path) -> None:
    articles, truth = shared("neardup/news-articles.jsonl.zst"), shared("neardup/news-articles.truth.tsv")
    config = deduplicating(tmp_path, {}, "minhash")
    config["sources"] = [{"name": "news", "format": "jsonl", "path": str(articles)}]
    rows = rows_of(run_inline(config), COLUMNS)
    found = {tuple(sorted((row["id"], rows[row["minhash.keeper"]]["id"]))) for row in rows if row["reason"]}
    assert found == {tuple(sorted(line.split("\t"))) for line in truth.read_text().splitlines()}


def test_five_dumps_one_after_the_other_as_all_at_once(tmp_path: Path) -> None:
    """A dump that is added is read and signed alone, and every verdict is what one run over all of them says."""
    shards = corpus(8, shards=5, families=40)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = run_inline(deduplicating(tmp_path / "a", shards, "minhash"))
    config = deduplicating(tmp_path / "b", shards, "minhash")
    sources, rows, shares = config["sources"], [], []
    for count in range(1, 6):
        result = run_inline({**config, "sources": sources[:count]})
        assert tasks_run(result)["documents"] == tasks_run(result)["minhash.bands"] == 1
        rows = rows_of(result, COLUMNS)
        shares.append(round(sum(row["reason"] is not None for row in rows) / len(rows), 4))
    assert rows == rows_of(expected, COLUMNS)
    (file,) = artifact_files(expected, "minhash.report")
    table = [row["share so far"] for row in json.loads(file.read_text())["share by dumps"]]
    assert table == pytest.approx(shares, abs=0.02) and table[-1] == shares[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 14}, "go together"),
        ({"bands": 20, "rows": 10, "permutations": 128}, "20 bands of 10 rows need 200 permutations, there are 128"),
        ({"keep": ["oldest", "longest"]}, "nothing can follow `oldest`"),
        ({"keep": ["source"]}, "go together"),
        ({"keep": ["quality", "quality"]}, "twice"),
        ({"threshold": 1.5}, "expected at most 1, not 1.5"),
        ({"min_cluster": 3}, "goes with `scope: per_dump`"),
        ({"keep": ["no.such.column"]}, "no.such.column"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        planned(deduplicating(tmp_path, {"d0": [{"id": "a", "text": "b"}]}, "minhash", **settings))


def test_no_documents_at_all(tmp_path: Path) -> None:
    result = run_inline(deduplicating(tmp_path, {"d0": [], "d1": []}, "minhash"))
    assert rows_of(result, COLUMNS) == []
