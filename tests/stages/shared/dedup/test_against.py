"""Dump after dump, each a run of its own that knows the earlier ones by their kept indexes."""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import band_keys, signatures
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.stages.minhash import against as against_earlier
from dspipe.stages.shared.dedup.stage_base import DedupConfig
from tests.engine import artifact_files, configured, rows_of, run_inline, tasks_run
from tests.stages.minhash.test_stage import corpus, dedup_slowly, words, write_corpus

EARLIER = ["run", "document", "id", "similarity"]
NEAR = ["id", "reason", "minhash.keeper", "minhash.cluster", *(f"minhash.earlier.{name}" for name in EARLIER)]
Shards = dict[str, list[dict[str, Any]]]


def run_dump(tmp_path: Path, name: str, documents: list[dict[str, Any]], stage: str, **settings: Any) -> Any:
    """Deduplicate one dump in a directory of its own."""
    (tmp_path / name).mkdir(exist_ok=True)
    return run_inline(
        {
            "name": name,
            "output": str(tmp_path / name / "run"),
            "sources": write_corpus(tmp_path / name, {name: documents}),
            "stages": [{stage: {"index": True, **settings}}],
        }
    )


def in_order_slowly(shards: Shards, bands: int, rows: int, least: int) -> list[dict[str, Any]]:
    """Per dump and document what is expected, with dictionaries: kept documents of earlier dumps first."""
    index: dict[int, list[tuple[int, int]]] = defaultdict(list)
    kept_signatures: dict[tuple[int, int], Any] = {}
    ids = {(run, row): document["id"] for run, part in enumerate(shards.values()) for row, document in enumerate(part)}
    expected = []
    for run, (dump, documents) in enumerate(shards.items()):
        texts = pa.array([document["text"] for document in documents], pa.large_string())
        signed, units = signatures(*text_buffers(texts), 5, bands * rows)
        keys = band_keys(signed, bands, rows).tolist()
        verdicts: dict[int, dict[str, Any]] = {}
        for row in range(len(documents)):
            known = (
                {copy for key in keys[row] for copy in index[key][: against_earlier.MAX_HITS]} if units[row] else set()
            )
            equal = {copy: int((kept_signatures[copy] == signed[row]).sum()) for copy in known}
            alike = sorted(copy for copy in known if equal[copy] >= least)
            if alike:
                copy = alike[0]
                where = {"run": f"d{copy[0]}", "document": copy[1], "id": ids[copy]}
                where["similarity"] = pytest.approx(equal[copy] / (bands * rows))
                verdicts[row] = {"reason": "minhash.in_earlier_run"} | {
                    f"minhash.earlier.{name}": value for name, value in where.items()
                }
        rest = [row for row in range(len(documents)) if row not in verdicts]
        own = dedup_slowly({dump: [documents[row] for row in rest]}, bands, rows, least, False, False)
        for place, (keeper, cluster, _) in own.items():
            dropped = keeper != place
            verdicts[rest[place]] = {
                "reason": "minhash.near_duplicate" if dropped else None,
                "minhash.keeper": rest[keeper] if dropped else None,
                "minhash.cluster": rest[cluster],
            }
        for row, document in enumerate(documents):
            verdict = verdicts.get(row, {"reason": None})
            expected.append(dict.fromkeys(NEAR) | {"id": document["id"]} | verdict)
            if verdict["reason"] is None and units[row]:
                kept_signatures[run, row] = signed[row]
                for key in set(keys[row]):
                    index[key].append((run, row))
    return expected


def test_five_dumps_each_against_those_before_it(tmp_path: Path) -> None:
    shards = corpus(8, shards=5, families=40)
    found: list[dict[str, Any]] = []
    shares = []
    for number, (name, documents) in enumerate(shards.items()):
        against = [str(tmp_path / f"d{earlier}" / "run") for earlier in range(number)]
        result = run_dump(tmp_path, name, documents, "minhash", against=against)
        columns = NEAR if against else NEAR[:4]
        found += [dict.fromkeys(NEAR) | row for row in rows_of(result, columns)]
        shares.append(round(sum(row["reason"] is not None for row in found) / len(found), 4))
    expected = in_order_slowly(shards, 14, 8, 81)
    assert found == expected
    reasons = [row["reason"] for row in found]
    assert reasons.count("minhash.in_earlier_run") > 40 and reasons.count("minhash.near_duplicate") > 20
    (file,) = artifact_files(result, "minhash.report")
    table = json.loads(file.read_text())["share by dumps"]
    assert [row["dump"] for row in table] == [f"d{number}" for number in range(5)]
    assert [row["share so far"] for row in table] == shares
    assert [row["documents"] for row in table] == [len(part) for part in shards.values()]


def test_of_a_key_only_the_first_kept_documents_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that share a page's frame: alike in some bands, and few of them alike in all."""
    monkeypatch.setattr(against_earlier, "MAX_HITS", 1)
    rng = np.random.default_rng(13)
    frame = words(rng, 80)
    pages = [[*frame, *words(rng, 22)] for _ in range(40)]
    shards = {
        f"d{n}": [{"id": f"{n}-{i}", "text": " ".join([*page, *words(rng, 3)])} for i, page in enumerate(pages)]
        for n in range(3)
    }
    found: list[dict[str, Any]] = []
    against: list[str] = []
    for name, documents in shards.items():
        result = run_dump(tmp_path, name, documents, "minhash", against=against, bands=3, rows=4, threshold=0.75)
        against = [*against, str(tmp_path / name / "run")]
        found += [dict.fromkeys(NEAR) | row for row in rows_of(result, NEAR if len(against) > 1 else NEAR[:4])]
    expected = in_order_slowly(shards, 3, 4, 9)
    assert found == expected
    monkeypatch.setattr(against_earlier, "MAX_HITS", 16)
    assert in_order_slowly(shards, 3, 4, 9) != expected


def test_small_memory_and_other_partitions_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = corpus(9, shards=2, families=40)
    run_dump(tmp_path, "d0", shards["d0"], "minhash")
    against = [str(tmp_path / "d0" / "run")]
    rows = rows_of(run_dump(tmp_path, "d1", shards["d1"], "minhash", against=against), NEAR)
    monkeypatch.setattr("dspipe.stages.minhash.stage.partitions_for", lambda corpus, size: 13)
    monkeypatch.setattr("dspipe.stages.minhash.index.ROW_GROUP_ROWS", 50)
    monkeypatch.setattr("dspipe.stages.shared.dedup.index_writer.ROW_GROUP_ROWS", 50)
    monkeypatch.setattr("dspipe.stages.minhash.against._PAIRS_AT_A_TIME", 3)
    monkeypatch.setattr("dspipe.stages.minhash.against._LOOKUPS_AT_A_TIME", 5)
    (tmp_path / "small").mkdir()
    small = {"engine": {"kind": "inline", "memory": 20_000, "batch_rows": 20}}
    for name, settings in (("d0", {}), ("d1", {"against": [str(tmp_path / "small" / "d0")]})):
        config = {"name": name, "output": str(tmp_path / "small" / name), "stages": [{"minhash": {"index": True}}]}
        config["stages"][0]["minhash"] |= settings  # type: ignore[index]
        config["sources"] = write_corpus(tmp_path / "small", {name: shards[name]})
        again = run_inline(config | small)
    assert rows_of(again, NEAR) == rows


def test_the_text_of_an_earlier_run_is_not_read(tmp_path: Path) -> None:
    shards = corpus(9, shards=2)
    run_dump(tmp_path, "d0", shards["d0"], "minhash")
    run = tmp_path / "d0" / "run"
    for folder in run.iterdir():
        if folder.is_dir() and folder.name not in ("minhash.kept", "minhash.index", "minhash.report"):
            shutil.rmtree(folder)
    (tmp_path / "d0" / "d0.jsonl").unlink()
    rows = rows_of(run_dump(tmp_path, "d1", shards["d1"], "minhash", against=[str(run)]), NEAR)
    assert any(row["reason"] == "minhash.in_earlier_run" for row in rows)


def test_an_index_added_later_repeats_nothing(tmp_path: Path) -> None:
    documents = corpus(9, shards=2)["d0"]
    result = run_dump(tmp_path, "d0", documents, "minhash", index=False)
    config = yaml.safe_load((tmp_path / "d0" / "run" / "config.yaml").read_text())
    with pytest.raises(InvalidConfigError, match="left no index of minhash: set `index: true`"):
        run_dump(tmp_path, "d1", documents, "minhash", against=[str(tmp_path / "d0" / "run")])
    config["stages"][0]["minhash"]["index"] = True
    again = run_inline(config)
    assert tasks_run(again).keys() == {"minhash.kept", "minhash.index"}
    assert rows_of(again, NEAR[:4]) == rows_of(result, NEAR[:4])


@pytest.mark.parametrize(
    ("other", "settings", "message"),
    [
        ({}, {"shingle": 6}, "was made with shingle 5, this run has 6"),
        ({}, {"bands": 7, "rows": 16}, "was made with bands 14, this run has 7"),
        ({}, {"bands": 14, "rows": 7, "permutations": 112}, "was made with rows 8, this run has 7"),
        ({}, {"permutations": 128}, "was made with permutations 112, this run has 128"),
        ({}, {"scope": "per_dump"}, "the scope is global"),
    ],
)
def test_an_index_made_with_other_settings_is_refused(
    tmp_path: Path, other: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    documents = [{"id": "a", "text": "one two three"}]
    run_dump(tmp_path, "d0", documents, "minhash", **other)
    with pytest.raises(InvalidConfigError, match=message):
        run_dump(tmp_path, "d1", documents, "minhash", against=[str(tmp_path / "d0" / "run")], **settings)


@pytest.mark.parametrize("stage", ["minhash", "exact_dedup"])
def test_an_index_of_texts_that_were_rewritten_otherwise_is_refused(tmp_path: Path, stage: str) -> None:
    def run(name: str, before: list[dict[str, Any]], **settings: Any) -> Any:
        (tmp_path / name).mkdir(exist_ok=True)
        sources = write_corpus(tmp_path / name, {name: [{"id": "a", "text": "one two three four five six seven"}]})
        stages = [*before, {stage: {"index": True, **settings}}, {"lines": {}}]
        return run_inline({"name": name, "output": str(tmp_path / name / "run"), "sources": sources, "stages": stages})

    against = [str(tmp_path / "d0" / "run")]
    run("d0", [{"unicode": {}}])
    run("same", [{"unicode": {"normalization": "NFC"}}], against=against)
    with pytest.raises(InvalidConfigError, match=r"was made with unicode\.normalization NFC, this run has NFKC"):
        run("d1", [{"unicode": {"normalization": "NFKC"}}], against=against)
    with pytest.raises(InvalidConfigError, match="rewritten by other stages before it: unicode; in this run: none"):
        run("d1", [], against=against)
    with pytest.raises(InvalidConfigError, match="unicode; in this run: unicode, pii"):
        run("d1", [{"unicode": {}}, {"pii": {}}], against=against)


def test_paths_of_earlier_runs_read_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"id": "a", "text": "one two three four five six seven"}]
    run_dump(tmp_path, "d0", documents, "minhash")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, path in enumerate(("d0/run", "~/d0/run", f"file://{tmp_path}/d0/run")):
        result = run_dump(tmp_path, f"d{number + 1}", documents, "minhash", against=[path])
        assert [row["reason"] for row in rows_of(result, ["reason"])] == ["minhash.in_earlier_run"]
    assert DedupConfig(against=["d0/run", "s3://bucket/d0"]).against == [str(tmp_path / "d0/run"), "s3://bucket/d0"]


def test_an_index_of_other_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"id": "a", "text": "one two three"}]
    for stage in ("minhash", "exact_dedup"):
        run_dump(tmp_path, f"0-{stage}", documents, stage)
    monkeypatch.setattr(
        "dspipe.stages.shared.dedup.index_check.sample_texts", lambda: pa.array(["x"], pa.large_string())
    )
    for stage in ("minhash", "exact_dedup"):
        with pytest.raises(InvalidConfigError, match="code that gives other keys"):
            run_dump(tmp_path, f"1-{stage}", documents, stage, against=[str(tmp_path / f"0-{stage}" / "run")])


def test_a_place_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    config = {"name": "d1", "output": str(tmp_path / "out"), "sources": write_corpus(tmp_path, {"d1": []})}
    config["stages"] = [{"minhash": {"against": [str(tmp_path / "nothing")]}}]
    with pytest.raises(InvalidConfigError, match="nothing holds no run"):
        configured(config)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "run.json").write_text('{"name": "x", "finished": false, "artifacts": {}}')
    with pytest.raises(InvalidConfigError, match="is not finished"):
        configured(config)
    config["stages"] = [{"exact_dedup": {"against": [str(tmp_path / "nothing")]}}]
    with pytest.raises(InvalidConfigError, match="is not finished"):
        configured(config)


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    run_dump(tmp_path, "d0", [{"id": "a", "text": "b"}], "minhash")
    run = tmp_path / "d0" / "run"
    with pytest.raises(InvalidConfigError, match="two of the runs have the name 'd0'"):
        run_dump(tmp_path, "d1", [{"id": "a", "text": "b"}], "minhash", against=[str(run), str(run)])


def test_exact_duplicates_of_earlier_runs_by_text_and_address(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    texts = [" ".join(words(rng, 3)) for _ in range(60)]
    pages = [f"https://x.example/{number}" for number in range(80)]
    seen_urls: dict[str, tuple[str, str]] = {}
    seen_texts: dict[str, tuple[str, str]] = {}
    against: list[str] = []
    counts: dict[str | None, int] = defaultdict(int)
    for dump in ("d0", "d1", "d2", "d3"):
        documents: list[dict[str, Any]] = [
            {
                "id": f"{dump}-{row}",
                "text": texts[rng.integers(60)],
                "url": pages[rng.integers(80)] if row % 2 else None,
            }
            for row in range(50)
        ]
        result = run_dump(tmp_path, dump, documents, "exact_dedup", by=["url", "text"], against=against)
        prefixes = ("exact_dedup.url.earlier", "exact_dedup.earlier") if against else ()
        names = [f"{prefix}.{name}" for prefix in prefixes for name in ("run", "id")]
        rows = rows_of(result, ["id", "reason", *names])
        reasons = []
        own_urls: dict[str, tuple[str, str]] = {}
        own_texts: dict[str, tuple[str, str]] = {}
        for row, document in zip(rows, documents, strict=True):
            url, key = document["url"], (dump, document["id"])
            where: dict[str, Any] = dict.fromkeys(names)
            reason = None
            if url in seen_urls:
                reason = "exact_dedup.url_in_earlier_run"
                where |= dict(zip(names[:2], seen_urls[url], strict=True))
            elif url is not None and own_urls.setdefault(url, key) != key:
                reason = "exact_dedup.same_url"
            elif document["text"] in seen_texts:
                reason = "exact_dedup.in_earlier_run"
                where |= dict(zip(names[2:], seen_texts[document["text"]], strict=True))
            elif own_texts.setdefault(document["text"], key) != key:
                reason = "exact_dedup.duplicate"
            reasons.append(reason)
            counts[reason] += 1
            assert row == {"id": document["id"], "reason": reason, **where}
        # a round's index has what the round kept
        seen_urls |= own_urls
        seen_texts |= own_texts
        against.append(str(tmp_path / dump / "run"))
    assert len(counts) == 5 and min(counts.values()) >= 5


def test_explain_names_the_earlier_copy(tmp_path: Path) -> None:
    from dspipe.pipeline.report.explain import explain
    from dspipe.pipeline.report.run_file import read_run

    text = " ".join(words(np.random.default_rng(3), 60))
    run_dump(tmp_path, "d0", [{"id": "other", "text": "of its own"}, {"id": "first", "text": text}], "minhash")
    run = tmp_path / "d0" / "run"
    result = run_dump(tmp_path, "d1", [{"id": "second", "text": text + "!"}], "minhash", against=[str(run)])
    (story,) = explain(*read_run(result.store.root), "second")
    told = story.chapters["minhash.earlier"]
    assert (told["minhash.earlier.run"], told["minhash.earlier.document"], told["minhash.earlier.id"]) == (
        "d0",
        1,
        "first",
    )
    assert yaml.safe_load((run / "config.yaml").read_text())["name"] == "d0"
