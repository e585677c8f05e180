"""Near-duplicates dump after dump, each a run of its own that knows the earlier ones by their kept indexes."""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import band_keys, signatures
from dspipe.stages.minhash import against as against_earlier
from tests.engine import artifact_files, rows_of, run_inline
from tests.stages.dedup_corpus import Shards, corpus, run_dump, words, write_corpus
from tests.stages.minhash.slowly import dedup_slowly

EARLIER = ["run", "document", "id", "similarity"]
NEAR = ["id", "reason", "minhash.keeper", "minhash.cluster", *(f"minhash.earlier.{name}" for name in EARLIER)]


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
    monkeypatch.setattr("dspipe.stages.shared.dedup.index_format.ROW_GROUP_ROWS", 50)
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
