import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import band_keys, signatures
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.run.run import RunResult
from dspipe.pipeline.storage.store import Store
from tests.engine import artifact_files, planned, rows_of, run_inline, tasks_run
from tests.kernels.dedup.test_components import components_slowly
from tests.shared import shared

COLUMNS = ["id", "reason"] + [
    f"minhash.{name}" for name in ("keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps")
]


def write_corpus(directory: Path, shards: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Files of JSON lines, and the sources that read them: one dump per shard, in the order of their names."""
    sources = []
    for name, documents in shards.items():
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
        sources.append({"name": name, "format": "jsonl", "path": str(directory / f"{name}.jsonl"), "dump": name})
    return sources


def words(rng: np.random.Generator, count: int) -> list[str]:
    return [f"w{number}" for number in rng.integers(0, 5000, count)]


def corpus(seed: int = 1, shards: int = 4, families: int = 25) -> dict[str, list[dict[str, Any]]]:
    """Families of edited copies spread over shards, some of them long chains, among documents of their own."""
    rng = np.random.default_rng(seed)
    texts: list[list[str]] = [words(rng, int(rng.integers(1, 120))) for _ in range(120)]
    for family in range(families):
        current = words(rng, 100)
        for _ in range(int(rng.integers(1, 12))):
            texts.append(list(current))
            source = current if family % 2 else texts[-1].copy()
            for place in rng.integers(0, 100, int(rng.integers(0, 7))):
                source[place] = f"edit{rng.integers(0, 1000)}"
            current = source
    texts += [[], [], ["…"], ["short", "text"], ["short", "text"], ["Short,", "text!"]]
    order = rng.permutation(len(texts))
    parts: dict[str, list[dict[str, Any]]] = {f"d{shard}": [] for shard in range(shards)}
    for place, text in enumerate(order):
        url = f"https://host{text % 5}.example/{text}"
        document = {"id": f"t{text}", "text": " ".join(texts[text]), "url": url}
        parts[f"d{place * shards // len(order)}"].append(document)
    return parts


def dedup_slowly(
    shards: dict[str, list[dict[str, Any]]],
    bands: int,
    rows: int,
    least: int,
    per_dump: bool,
    newest: bool,
    min_cluster: int | None = None,
) -> dict[int, tuple[int, int, int]]:
    """Per document number of a component: (kept copy, component, places that agree), with dictionaries."""
    numbers, texts, dumps = [], [], []
    for shard, (dump, documents) in enumerate(shards.items()):
        for row, document in enumerate(documents):
            numbers.append(shard << 32 | row)
            texts.append(document["text"])
            dumps.append(dump if per_dump else "")
    signed, units = signatures(*text_buffers(pa.array(texts, pa.large_string())), 5, bands * rows)
    keys = band_keys(signed, bands, rows).tolist()

    def agree(a: int, b: int) -> int:
        return int((signed[a] == signed[b]).sum())

    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in range(len(texts)):
        if units[place]:
            for key in keys[place]:
                for within in {dumps[place], dumps[place] if min_cluster is None else ""}:
                    groups[key, within].append(place)
    pairs = {
        (place, first) for group in groups.values() for i, place in enumerate(group) for first in group[: min(i, 2)]
    }
    label = components_slowly([pair for pair in sorted(pairs) if agree(*pair) >= least])
    sizes = Counter(label.values())
    verdicts: dict[int, tuple[int, int, int]] = {}
    kept: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in sorted(label, reverse=newest):
        apart = min_cluster is not None and sizes[label[place]] < min_cluster
        others = kept[label[place], dumps[place] if apart else ""]
        alike = [copy for copy in others if agree(place, copy) >= least]
        keeper = alike[0] if alike else place
        if not alike:
            others.append(place)
        verdicts[numbers[place]] = (numbers[keeper], numbers[label[place]], agree(place, keeper))
    return verdicts


def numbered(rows: list[dict[str, Any]], shards: dict[str, list[dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    numbers = [shard << 32 | row for shard, part in enumerate(shards.values()) for row in range(len(part))]
    return dict(zip(numbers, rows, strict=True))


def settings_of(tmp_path: Path, shards: dict[str, list[dict[str, Any]]], **minhash: Any) -> dict[str, Any]:
    stages = [{"minhash": minhash}]
    return {"output": str(tmp_path / "run"), "sources": write_corpus(tmp_path, shards), "stages": stages}


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
    result = run_inline(settings_of(tmp_path, shards, scope=scope, keep=[keep], min_cluster=min_cluster))
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
    one = rows_of(run_inline(settings_of(tmp_path / "a", shards)), COLUMNS)
    monkeypatch.setattr("dspipe.stages.minhash.stage.partitions_for", lambda corpus, share: 13)
    monkeypatch.setattr("dspipe.stages.minhash.windows.WINDOW_ROWS", 7)
    monkeypatch.setattr("dspipe.stages.minhash.components.BYTES_PER_EDGE", 1 << 40)
    small = {"engine": {"kind": "inline", "memory": 20_000}, **settings_of(tmp_path / "b", shards)}
    assert rows_of(run_inline(small), COLUMNS) == one


def test_components_spread_over_partitions_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = corpus(2, shards=3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = run_inline(settings_of(tmp_path / "a", shards))
    monkeypatch.setattr("dspipe.stages.minhash.stage.MANY_PARTITIONS", 1)
    spread = run_inline({**settings_of(tmp_path / "b", shards), "engine": {"kind": "inline", "merge_above": 1}})
    phases = {phase.name: phase for phase in spread.phases}
    assert phases["minhash.small_star"].tasks == 8 and "minhash.components" not in phases
    assert phases["minhash.trim"].counters["leaves"] > 50
    assert rows_of(spread, COLUMNS) == rows_of(one, COLUMNS)


def test_merged_exchanges_change_nothing(tmp_path: Path) -> None:
    shards = corpus(2, shards=9)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    config = settings_of(tmp_path / "a", shards)
    config["stages"] = [{"exact_dedup": {}}, {"minhash": {}}]
    plain = run_inline(config)
    merging = {**config, "output": str(tmp_path / "b" / "run"), "engine": {"kind": "inline", "merge_above": 1}}
    merged = run_inline(merging)
    assert rows_of(merged, COLUMNS) == rows_of(plain, COLUMNS)
    tasks = {phase.name: phase.tasks for phase in merged.phases if phase.name.endswith(".merge")}
    assert tasks == {f"{name}.merge": -(-senders // group) for name, senders, group in (
        ("exact_dedup.send", 9, 4), ("exact_dedup.group", 8, 4), ("minhash.bands", 9, 4), ("minhash.candidates", 8, 4),
        ("minhash.pairs", 9, 4), ("minhash.compare", 8, 4), ("minhash.members", 9, 4), ("minhash.keepers", 8, 4),
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
    senders, partitions, group = 16, 8, 4
    for merge_above, expected in (
        (1 << 20, {"minhash.bands": 2 * senders * partitions}),
        (1, {"minhash.bands": 2 * senders, "minhash.bands.merge": 2 * senders // group * partitions}),
    ):
        asked.clear()
        place = tmp_path / str(merge_above)
        place.mkdir()
        config = settings_of(place, corpus(2, shards=senders))
        run_inline({**config, "engine": {"kind": "inline", "merge_above": merge_above}})
        assert {name: asked.count(name) for name in expected} == expected


def test_exact_duplicates_that_went_before_take_no_part(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(3), 80))
    near = text.replace("w1", "W1") + "!"
    shards = {"d0": [{"id": "a", "text": text}, {"id": "b", "text": text}], "d1": [{"id": "c", "text": near}]}
    config = settings_of(tmp_path, shards)
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
    config = settings_of(tmp_path, shards, **keep)
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
    result = run_inline(settings_of(tmp_path, shards))
    rows = rows_of(result, ["id", *COLUMNS[1:]])
    clones = [row for row in rows if int(row["id"].split("-")[1]) % 2]
    assert [row["reason"] for row in clones] == [None] + ["minhash.near_duplicate"] * 1499
    assert {row["minhash.cluster_size"] for row in clones} == {1500}
    counters = {phase.name: phase.counters for phase in result.phases}
    assert counters["minhash.bands"]["keys kept from the exchange"] >= 14 * (1500 - 3 * 16)
    assert counters["minhash.candidates"]["pairs"] < 3 * 3000


def three_dumps() -> dict[str, list[dict[str, Any]]]:
    """Three dumps: a page that each of them has four times (o), one that each has twice (s), one of its own (x)."""
    rng = np.random.default_rng(12)
    often, seldom = words(rng, 60), words(rng, 60)
    # near-duplicates, but for the first of each
    return {
        dump: [
            *({"id": f"{dump}-o{n}", "text": " ".join(often) + f" {dump}" * n} for n in range(4)),
            *({"id": f"{dump}-s{n}", "text": " ".join(seldom) + f" {dump}" * n} for n in range(2)),
            {"id": f"{dump}-x", "text": " ".join(words(rng, 60))},
        ]
        for dump in ("d0", "d1", "d2")
    }


@pytest.mark.parametrize("stage", ["minhash", "exact_dedup"])
def test_within_each_dump_everything_and_across_dumps_large_clusters(tmp_path: Path, stage: str) -> None:
    dumps = three_dumps()
    if stage == "exact_dedup":
        dumps = {dump: [{**d, "text": d["text"].replace(f" {dump}", "")} for d in part] for dump, part in dumps.items()}

    def kept(**settings: Any) -> tuple[set[str], dict[str, Any]]:
        place = tmp_path / "_".join(map(str, settings.values()))
        place.mkdir()
        config = settings_of(place, dumps)
        config["stages"] = [{stage: settings}]
        rows = rows_of(run_inline(config), ["id", "reason", *(c.replace("minhash", stage) for c in COLUMNS[2:])])
        sizes = {row["id"]: row[f"{stage}.cluster_size"] for row in rows}
        return {row["id"] for row in rows if row["reason"] is None}, sizes

    own = {f"{dump}-x" for dump in dumps}
    first_of_each = {f"{dump}-{page}0" for dump in dumps for page in "os"}
    everything, sizes = kept(scope="global")
    assert everything == own | {"d0-o0", "d0-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    within, sizes = kept(scope="per_dump")
    assert within == own | first_of_each and sizes["d1-o1"] == 4 and sizes["d2-s1"] == 2
    large, sizes = kept(scope="per_dump", min_cluster=7)
    assert large == own | {"d0-o0", "d0-s0", "d1-s0", "d2-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    assert kept(scope="per_dump", min_cluster=2)[0] == everything
    assert kept(scope="per_dump", min_cluster=13)[0] == within


@pytest.mark.parametrize("script", [(0x4E00, 0x9FA5), (0x3041, 0x3096), (0x0E01, 0x0E2E), (0x1000, 0x1021)])
def test_scripts_without_spaces(tmp_path: Path, script: tuple[int, int]) -> None:
    """Two characters in three hundred are edited: one word and another, for whoever splits at spaces."""
    rng = np.random.default_rng(9)
    texts = ["".join(map(chr, rng.integers(*script, 300))) for _ in range(6)]
    near = [text[:100] + chr(script[0]) + text[101:250] + chr(script[0]) + text[251:] for text in texts]
    shards = {"d0": [{"id": f"{n}", "text": text} for n, text in enumerate(texts + near)]}
    rows = rows_of(run_inline(settings_of(tmp_path, shards)), COLUMNS)
    assert [row["minhash.keeper"] for row in rows] == [None] * 6 + list(range(6))


def test_the_ten_marked_copies_among_a_thousand_news_articles(tmp_path: Path) -> None:
    articles, truth = shared("neardup/news-articles.jsonl.zst"), shared("neardup/news-articles.truth.tsv")
    config = settings_of(tmp_path, {})
    config["sources"] = [{"name": "news", "format": "jsonl", "path": str(articles)}]
    rows = rows_of(run_inline(config), COLUMNS)
    found = {tuple(sorted((row["id"], rows[row["minhash.keeper"]]["id"]))) for row in rows if row["reason"]}
    assert found == {tuple(sorted(line.split("\t"))) for line in truth.read_text().splitlines()}


def test_statistics_name_shares_clusters_and_alarms(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(6), 40))
    shards = {
        "d0": [{"id": f"a{n}", "text": f"{n} {n * n} own", "url": f"https://good.example/{n}"} for n in range(150)],
        "d1": [{"id": f"b{n}", "text": text, "url": f"https://copy.example/{n}"} for n in range(150)],
    }
    result = run_inline(settings_of(tmp_path, shards))
    (file,) = artifact_files(result, "minhash.report")
    report = json.loads(file.read_text())
    assert report["by source"][1] == {"source": "d1", "documents": 150, "dropped": 149, "share": 0.9933}
    assert report["share by dumps"][1]["share so far"] == round(149 / 300, 4)
    assert report["cluster sizes"] == [{"at least": 128, "clusters": 1}]
    assert report["largest clusters"] == [{"documents": 150, "id": "b0", "url": "https://copy.example/0"}]
    assert {(alarm["of"], alarm["name"]) for alarm in report["alarms"]} == {("source", "d1"), ("host", "copy.example")}


def test_five_dumps_one_after_the_other_as_all_at_once(tmp_path: Path) -> None:
    """A dump that is added is read and signed alone, and every verdict is what one run over all of them says."""
    shards = corpus(8, shards=5, families=40)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = run_inline(settings_of(tmp_path / "a", shards))
    config = settings_of(tmp_path / "b", shards)
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


def test_another_threshold_reads_no_text_again(tmp_path: Path) -> None:
    shards = corpus(7)
    config = settings_of(tmp_path, shards)
    run_inline(config)
    config["stages"] = [{"minhash": {"threshold": 0.9, "bands": 14, "rows": 8}}]
    again = tasks_run(run_inline(config))
    assert "minhash.compare" in again and "minhash.keepers" in again
    assert not {"documents", "minhash.bands", "minhash.candidates", "minhash.pairs"} & again.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 14}, "go together"),
        ({"bands": 20, "rows": 10, "permutations": 128}, "20 bands of 10 rows need 200 permutations, there are 128"),
        ({"keep": ["oldest", "longest"]}, "nothing can follow `oldest`"),
        ({"keep": ["source"]}, "go together"),
        ({"keep": ["quality", "quality"]}, "twice"),
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"min_cluster": 3}, "goes with `scope: per_dump`"),
        ({"keep": ["no.such.column"]}, "no.such.column"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        planned(settings_of(tmp_path, {"d0": [{"id": "a", "text": "b"}]}, **settings))


def test_no_documents_at_all(tmp_path: Path) -> None:
    result = run_inline(settings_of(tmp_path, {"d0": [], "d1": []}))
    assert rows_of(result, COLUMNS) == []
