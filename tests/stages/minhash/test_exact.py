"""`verify: exact`: verdicts by the texts, against brute force over all pairs; `containment`; what is read and when."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.tasks.task import Task
from tests.engine import planned, rows_of, run_inline, tasks_run
from tests.kernels.dedup.test_exact_pairs import share_slowly
from tests.kernels.dedup.test_shingle_sets import set_slowly
from tests.stages.dedup_corpus import Shards, corpus, deduplicating, run_dump, words
from tests.stages.minhash.test_banding import COLUMNS

EVERYTHING_PROPOSED = {"bands": 64, "rows": 1, "permutations": 64, "shingle": 2}
"""documents that share a few shingles share a band for certain, in tests that ask for every pair"""


def verdicts_of(directory: Path, shards: Shards, **minhash: Any) -> dict[str, dict[str, Any]]:
    """By the id of each document, what the stage says of it."""
    result = run_inline(deduplicating(directory, shards, "minhash", verify="exact", **minhash))
    rows = rows_of(result, COLUMNS)
    numbers = [shard << 32 | row for shard, part in enumerate(shards.values()) for row in range(len(part))]
    ids = {number: row["id"] for number, row in zip(numbers, rows, strict=True)}
    return {row["id"]: {**row, "keeper": ids.get(row["minhash.keeper"])} for row in rows}


def sets_of(shards: Shards, shingle: int = 5) -> dict[str, frozenset[int]]:
    return {
        document["id"]: frozenset(set_slowly(document["text"], shingle))
        for part in shards.values()
        for document in part
    }


def check_verdicts(
    shards: Shards, rows: dict[str, dict[str, Any]], threshold: float, containment: float = 0.0, shingle: int = 5
) -> int:
    """Everyone dropped is like a copy that is kept, as it says; no two kept are alike. Returns how many are dropped."""
    sets = sets_of(shards, shingle)
    for id, row in rows.items():
        if row["reason"] is None:
            continue
        assert rows[row["keeper"]]["reason"] is None
        found = share_slowly(sets[id], sets[row["keeper"]], threshold, containment)
        assert found is not None
        share, reason = found
        assert row["minhash.similarity"] == pytest.approx(share)
        assert row["reason"] == ("minhash.contained" if reason else "minhash.near_duplicate")
    kept = [id for id, row in rows.items() if row["reason"] is None]
    for a in kept:
        for b in kept:
            assert a == b or share_slowly(sets[a], sets[b], threshold, containment) is None
    return len(rows) - len(kept)


TEXTS = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=10),
    st.integers(1, 3),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
    st.sampled_from([None, 0.75, 0.9]),
)
def test_any_texts_by_brute_force_over_all_pairs(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], shards: int, threshold: float, containment: float | None
) -> None:
    """Texts of few words, the same one twice in a shard among them, and empty ones."""
    texts = [*texts, *texts[::2]]
    parts: Shards = {f"d{shard}": [] for shard in range(shards)}
    for place, text in enumerate(texts):
        parts[f"d{place % shards}"].append({"id": str(place), "text": text})
    for shard, part in enumerate(parts.values()):
        part.append({"id": f"e{shard}", "text": "…" if shard % 2 else ""})
    rows = verdicts_of(
        tmp_path_factory.mktemp("any"), parts, threshold=threshold, containment=containment, **EVERYTHING_PROPOSED
    )
    check_verdicts(parts, rows, threshold, containment or 0.0, shingle=2)
    assert all(rows[f"e{shard}"]["reason"] is None for shard in range(shards))


def test_families_of_edited_copies(tmp_path: Path) -> None:
    shards = corpus()
    rows = verdicts_of(tmp_path, shards, threshold=0.7, bands=28, rows=4)
    assert check_verdicts(shards, rows, 0.7) > 60
    clusters = defaultdict(list)
    for id, row in rows.items():
        if row["minhash.cluster"] is not None:
            clusters[row["minhash.cluster"]].append(id)
    for cluster in clusters.values():
        (kept,) = [id for id in cluster if rows[id]["reason"] is None]
        assert rows[kept]["minhash.duplicates"] == len(cluster) - 1
        assert {rows[id]["minhash.cluster_size"] for id in cluster} == {len(cluster)}
        assert {rows[id]["keeper"] for id in cluster if id != kept} == {kept}


@pytest.mark.parametrize("containment", [None, 0.9])
def test_shards_partitions_and_memory_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, containment: float | None
) -> None:
    shards = corpus(2, shards=4)
    # dumps are shards here, and all in one shard would be one dump: nothing but it may differ
    one = {"d": [document for part in shards.values() for document in part]}
    for name in "abc":
        (tmp_path / name).mkdir()
    names = [name for name in COLUMNS if name not in ("minhash.dumps", "minhash.keeper", "minhash.cluster")]

    def compared(rows: dict[str, dict[str, Any]]) -> list[Any]:
        return [[row["keeper"], *(row[name] for name in names)] for row in rows.values()]

    minhash = {"threshold": 0.7, "bands": 28, "rows": 4, "containment": containment}
    expected = compared(verdicts_of(tmp_path / "a", shards, **minhash))
    assert compared(verdicts_of(tmp_path / "b", one, **minhash)) == expected
    monkeypatch.setattr("dspipe.stages.minhash.stage.partitions_for", lambda corpus, share: 13)
    monkeypatch.setattr("dspipe.stages.minhash.windows.WINDOW_ROWS", 7)
    monkeypatch.setattr("dspipe.stages.minhash.exact_members.PIECE_BYTES", 300)
    config = deduplicating(tmp_path / "c", shards, "minhash", verify="exact", **minhash)
    small = {"kind": "inline", "memory": 20_000, "batch_rows": 5}
    rows = rows_of(run_inline({**config, "engine": small}), COLUMNS)
    assert rows == rows_of(run_inline({**config, "output": str(tmp_path / "d")}), COLUMNS)
    assert [[row[name] for name in names] for row in rows] == [row[1:] for row in expected]


def test_a_cluster_larger_than_the_memory(tmp_path: Path) -> None:
    """Sets of 1,500 documents of one component, 4 MB of hashes, where a slice is to have 50 kB."""
    rng = np.random.default_rng(5)
    base = words(rng, 400)
    documents = []
    for n in range(1500):
        edited = list(base)
        edited[int(rng.integers(0, 400))] = f"own{n}"
        documents.append({"id": str(n), "text": " ".join(edited)})
    shards = {"d0": documents[:800], "d1": documents[800:]}
    config = deduplicating(tmp_path, shards, "minhash", verify="exact")
    result = run_inline({**config, "engine": {"kind": "inline", "memory": 200_000}})
    rows = rows_of(result, COLUMNS)
    assert [row["reason"] for row in rows] == [None] + ["minhash.near_duplicate"] * 1499
    assert {row["minhash.cluster_size"] for row in rows} == {1500}


def footed() -> Shards:
    """Pages, and the same with a footer in another shard; some edited a little, some with a footer alone in common."""
    rng = np.random.default_rng(7)
    footer = words(rng, 60)
    pages = [words(rng, 150) for _ in range(20)]
    edited = [[*page[:70], "edit", *page[71:]] for page in pages[:5]]
    return {
        "d0": [{"id": f"page{n}", "text": " ".join(page)} for n, page in enumerate(pages)],
        "d1": [{"id": f"footed{n}", "text": " ".join([*page, *footer])} for n, page in enumerate(pages[:15])]
        + [{"id": f"edited{n}", "text": " ".join([*page, *footer])} for n, page in enumerate(edited)]
        + [{"id": "footer", "text": " ".join(footer)}],
    }


def test_what_is_inside_another_document_is_dropped_for_it(tmp_path: Path) -> None:
    shards = footed()
    for name in ("alone", "contained"):
        (tmp_path / name).mkdir()
    rows = verdicts_of(tmp_path / "alone", shards, threshold=0.8, permutations=256)
    check_verdicts(shards, rows, 0.8)
    assert all(rows[f"page{n}"]["reason"] is None for n in range(20))
    rows = verdicts_of(
        tmp_path / "contained", shards, threshold=0.8, permutations=256, containment=0.9, keep=["oldest"]
    )
    # (a footer of 60 words among 210 is found where it is lucky)
    shards["d1"] = [document for document in shards["d1"] if document["id"] != "footer"]
    rows.pop("footer")
    check_verdicts(shards, rows, 0.8, 0.9)
    for n in range(15):
        assert rows[f"page{n}"]["reason"] == "minhash.contained" and rows[f"page{n}"]["keeper"].endswith(str(n))
        assert rows[f"page{n}"]["minhash.similarity"] >= 0.9
    assert all(rows[f"page{n}"]["reason"] is None for n in range(15, 20))


def read_texts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is read of texts after the text pass, as it is read: (task, rows)."""
    read: list[tuple[str, int]] = []
    through = Task._read

    def spied(task: Task, places: Any, columns: Any, *rest: Any) -> Any:
        for batch in through(task, places, columns, *rest):
            if "text" in columns:
                read.append((task.name, batch.num_rows))
            yield batch

    monkeypatch.setattr(Task, "_read", spied)
    return read


def test_only_row_groups_with_documents_of_a_component_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    shards = {
        f"d{shard}": [{"id": f"{shard}-{n}", "text": " ".join(words(rng, 100))} for n in range(50)]
        for shard in range(4)
    }
    shards["d1"][27] = {"id": "copy", "text": shards["d0"][3]["text"] + " more"}
    config = deduplicating(tmp_path, shards, "minhash", verify="exact")
    read = read_texts(monkeypatch)
    result = run_inline({**config, "engine": {"kind": "inline", "batch_rows": 10}})
    assert [rows for _, rows in read] == [10, 10]
    members = next(phase for phase in result.phases if phase.name == "minhash.members")
    assert members.counters["documents"] == 2
    text = shards["d0"][3]["text"]
    assert members.counters["bytes of text"] == 2 * len(text) + len(" more")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"verify": "exact"}, ["compare", "components", "members", "keepers", "verdicts", "report"]),
        ({"verify": "exact"}, {"verify": "exact", "keep": ["newest"]}, ["members", "keepers", "verdicts", "report"]),
        ({"verify": "exact", "containment": 0.9, "bands": 20, "rows": 5},
         {"verify": "exact", "containment": 0.9, "bands": 20, "rows": 5, "keep": ["longest"]},
         ["members", "keepers", "verdicts", "report"]),
        ({"verify": "exact"}, {"verify": "exact", "containment": 0.9},
         ["bands", "candidates", "pairs", "compare", "components", "members", "keepers", "verdicts", "report"]),
        ({"verify": "exact", "containment": 0.9}, {"verify": "exact", "containment": 0.8},
         ["compare", "components", "members", "keepers", "verdicts", "report"]),
        ({}, {"keep": "none"}, ["members", "keepers", "verdicts", "report"]),
    ],
)  # fmt: skip
def test_no_setting_that_decides_runs_the_text_pass_again(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    config = deduplicating(tmp_path, footed(), "minhash", **before)
    run_inline(config)
    ran = [name.removeprefix("minhash.") for name in tasks_run(run_inline({**config, "stages": [{"minhash": after}]}))]
    assert set(ran) <= set(expected) and expected[0] in ran


def test_symbols_are_signed_so_they_run_the_text_pass_again(tmp_path: Path) -> None:
    code = {
        "d0": [{"id": name, "text": f"if a {sign} b: c = d {sign} e; f()"} for name, sign in (("x", "<"), ("y", ">"))]
    }
    config = deduplicating(tmp_path, code, "minhash", verify="exact")
    assert [row["reason"] for row in rows_of(run_inline(config), ["reason"])] == [None, "minhash.near_duplicate"]
    result = run_inline({**config, "stages": [{"minhash": {"verify": "exact", "symbols": True}}]})
    assert "documents" in tasks_run(result)
    assert [row["reason"] for row in rows_of(result, ["reason"])] == [None, None]


def test_within_each_dump_and_large_clusters_across(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    often, seldom = words(rng, 60), words(rng, 60)
    shards: Shards = {
        dump: [
            *({"id": f"{dump}-o{n}", "text": " ".join(often) + f" {dump}" * n} for n in range(4)),
            *({"id": f"{dump}-s{n}", "text": " ".join(seldom) + f" {dump}" * n} for n in range(2)),
        ]
        for dump in ("d0", "d1", "d2")
    }

    def kept(name: str, **minhash: Any) -> set[str]:
        (tmp_path / name).mkdir()
        rows = verdicts_of(tmp_path / name, shards, **minhash)
        for row in rows.values():
            assert row["reason"] is None or rows[row["keeper"]]["reason"] is None
        return {id for id, row in rows.items() if row["reason"] is None}

    assert kept("global") == {"d0-o0", "d0-s0"}
    assert kept("dumps", scope="per_dump") == {f"{dump}-{page}0" for dump in shards for page in "os"}
    assert kept("large", scope="per_dump", min_cluster=7) == {"d0-o0", *(f"{dump}-s0" for dump in shards)}


def test_texts_are_read_as_the_stages_before_have_left_them(tmp_path: Path) -> None:
    """`repeated_lines` takes away what would make pages alike; what is masked behind the stage, it sees whole."""
    rng = np.random.default_rng(1)
    frame = " ".join(words(rng, 300))
    pages = [{"id": str(n), "text": f"{frame}\n{' '.join(words(rng, 40))}"} for n in range(8)]
    config = deduplicating(tmp_path, {"d0": pages}, "minhash", verify="exact")
    assert sum(row["reason"] is not None for row in rows_of(run_inline(config), ["reason"])) == 7
    config["stages"] = [{"repeated_lines": {}}, {"minhash": {"verify": "exact"}}]
    rows = rows_of(run_inline({**config, "output": str(tmp_path / "other")}), ["reason", "text"])
    assert [row["reason"] for row in rows[1:]] == [None] * 7
    masked = [{"id": str(n), "text": f"w{n}@example.com " * 200} for n in range(4)]
    (tmp_path / "masked").mkdir()
    config = deduplicating(tmp_path / "masked", {"d0": masked}, "minhash", verify="exact")
    config["stages"].append({"pii": {}})
    rows = rows_of(run_inline(config), ["reason", "text"])
    assert [row["reason"] for row in rows] == [None] * 4
    assert len({row["text"] for row in rows}) == 1


def test_a_later_stage_drops_nothing_early(tmp_path: Path) -> None:
    """The text of what it will drop is stored, since it is compared before."""
    text = " ".join(words(np.random.default_rng(2), 80))
    shards: Shards = {"d0": [{"id": "a", "text": text}, {"id": "b", "text": text + " end"}]}
    config = deduplicating(tmp_path, shards, "minhash", verify="exact")
    config["stages"].append({"tests.toys.lengths": {"minimum": len(text) + 1, "early": True}})
    rows = rows_of(run_inline(config), ["id", "reason", "minhash.keeper"])
    assert [row["reason"] for row in rows] == ["lengths.too_short", "minhash.near_duplicate"]
    assert rows[1]["minhash.keeper"] == 0


def test_against_an_earlier_run_its_signatures_are_compared_and_within_the_run_texts(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    old, new = words(rng, 200), words(rng, 200)
    first = [{"id": "old", "text": " ".join(old)}]
    run_dump(tmp_path, "d0", first, "minhash", verify="exact", containment=0.9)
    second = [
        {"id": "again", "text": " ".join([*old, "end"])},
        {"id": "new", "text": " ".join(new)},
        {"id": "footed", "text": " ".join([*new, *words(rng, 150)])},
    ]
    against = [str(tmp_path / "d0" / "run")]
    result = run_dump(tmp_path, "d1", second, "minhash", verify="exact", containment=0.9, against=against)
    rows = rows_of(result, ["id", "reason", "minhash.keeper", "minhash.earlier.id"])
    assert [row["reason"] for row in rows] == ["minhash.in_earlier_run", "minhash.contained", None]
    assert rows[0]["minhash.earlier.id"] == "old" and rows[1]["minhash.keeper"] == 2
    with pytest.raises(InvalidConfigError, match="symbols False, this run has True"):
        run_dump(tmp_path, "d2", second, "minhash", symbols=True, against=against)


@pytest.mark.parametrize(
    ("minhash", "message"),
    [
        ({"containment": 0.9}, "set `verify: exact` too"),
        ({"verify": "exact", "margin": 0.1, "threshold": 0.8}, "lower `threshold`"),
        ({"verify": "exact", "containment": 0.9, "keep": "none"}, "leave one of them out"),
        ({"keep": ["none", "oldest"]}, "write `keep: none`"),
        ({"keep": "none", "index": True}, "leave `index` out"),
        ({"keep": "none", "against": ["/nowhere"]}, "leave `against` out"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, minhash: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        planned(deduplicating(tmp_path, {"d0": [{"text": "a"}]}, "minhash", **minhash))
