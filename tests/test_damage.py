"""Stored files aren't trusted: whatever is cut, changed, emptied or gone, the same command gives the same bytes."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import DamagedFileError, RunFailedError, RunNotFoundError
from dspipe.pipeline.report.verify import verify_files, verify_run
from dspipe.pipeline.storage.exchange import ExchangeReader
from tests.engine import run_inline
from tests.pipeline.run.test_run import TEXTS, corpus

Damage = Callable[[Path, random.Random], object]


def config(tmp_path: Path) -> dict[str, Any]:
    """Every kind of phase, file and artifact."""
    return {
        "output": str(tmp_path / "out"),
        "sources": [{"name": "toy", "format": "jsonl", "root": f"{tmp_path / 'in'}/", "path": "*.jsonl"}],
        # exchanges are merged, and one of nine records is quarantined
        "engine": {"kind": "inline", "merge_above": 1, "max_quarantined": 0.2},
        "stages": [
            {"tests.toys.lengths": {}},
            {"exact_dedup": {"index": True}},
            {"tests.toys.unique": {}},
            {"remix": {"by": "domain"}},
            {"tests.toys.tokenizer": {}},
            {"pack": {"length": 16}},
        ],
    }


def flip(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


DAMAGES: dict[str, Damage] = {
    "emptied": lambda path, draw: path.write_bytes(b""),
    "cut": lambda path, draw: path.write_bytes(path.read_bytes()[: draw.randrange(1, path.stat().st_size)]),
    "flipped": flip,
    "gone": lambda path, draw: path.unlink(),
}


def results(folder: Path) -> dict[str, bytes]:
    """What a run is made for: rows, exchanges, artifacts; not manifests and their records, which hold times."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not path.name.endswith(".manifest.json")
        and path.name not in ("run.json", "config.yaml")
        and not path.name.startswith("done-")
    }


@pytest.mark.parametrize("how", DAMAGES)
def test_any_file_may_be_damaged(tmp_path: Path, how: str) -> None:
    """One file after the other, with all that was made after its phase removed, so that what needs it reads it.

    A few files, drawn at random; all of them with DSPIPE_LONG_TESTS=1 (five minutes)."""
    corpus(tmp_path / "in", [*TEXTS, ["RAISE this", *(f"one more {n}" for n in range(9))]])
    result = run_inline(config(tmp_path))
    out, draw = tmp_path / "out", random.Random(how)
    shutil.copytree(out, tmp_path / "whole")
    expected = results(out)
    phases = [phase.name for phase in result.phases]
    names = sorted(str(path.relative_to(out)) for phase in phases for path in (out / phase).iterdir())
    assert len(names) > 60
    kinds = {name.partition("/")[2].partition(".")[2] for name in names} | {name.partition("-")[0] for name in names}
    assert kinds >= {"parquet", "exchange", "manifest.json", "quarantine.jsonl", "token_ids.bin"}
    assert kinds >= {"unique.report/inputs", "exact_dedup.send.merge/00000", "remix.plan/00000"}
    for name in names if os.environ.get("DSPIPE_LONG_TESTS") else draw.sample(names, 8):
        for phase in phases[phases.index(name.partition("/")[0]) + 1 :]:
            shutil.rmtree(out / phase)
        DAMAGES[how](out / name, draw)
        run_inline(config(tmp_path))
        # a file that nothing has to read stays as it is: `dspipe verify` finds it
        found = {key: data for key, data in results(out).items() if key != name}
        assert found == {key: data for key, data in expected.items() if key != name}, f"{name} {how}"
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "whole", out)


@pytest.mark.parametrize("how", DAMAGES)
def test_the_files_at_the_top_may_be_damaged(tmp_path: Path, how: str) -> None:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    out, draw = tmp_path / "out", random.Random(how)
    expected = results(out)
    for name in ("run.json", "config.yaml", "index.json"):
        DAMAGES[how](out / name, draw)
        run_inline(config(tmp_path))
        assert results(out) == expected, f"{name} {how}"


def test_a_finished_run_looks_at_sizes_and_verify_at_bytes(tmp_path: Path) -> None:
    """Nothing reads packed shards again: a run would have to read all of them to find a bit."""
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    out = tmp_path / "out"
    expected = results(out)
    packed = (path for path in sorted(out.rglob("*.bin")) if path.stat().st_size and "token_ids" not in path.name)
    rows = next(packed)
    whole = rows.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b""):
        rows.write_bytes(damaged)
        (problem,) = verify_files(str(out)).problems
        assert problem.startswith(f"{rows.relative_to(out)}: has {len(damaged)} bytes") and "run again" in problem
        assert run_inline(config(tmp_path)).tasks_run == 1
        assert results(out) == expected
    rows.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert run_inline(config(tmp_path)).tasks_run == 0
    (problem,) = verify_files(str(out)).problems
    assert problem.endswith("its checksum differs from its manifest's; remove it and run again to make it anew")
    rows.unlink()
    assert run_inline(config(tmp_path)).tasks_run == 1
    assert results(out) == expected
    assert verify_run(str(out)).problems == []


@pytest.mark.parametrize("how", DAMAGES)
def test_verify_finds_what_is_damaged_at_the_top(tmp_path: Path, how: str) -> None:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    out, draw = tmp_path / "out", random.Random(how)
    for name in ("index.json", "tokenizer.json", "mixture.json", "report.json"):
        whole = (out / name).read_bytes()
        DAMAGES[how](out / name, draw)
        (problem,) = verify_files(str(out)).problems
        assert problem.startswith(f"{name}: ") and problem.endswith("run again to make it anew")
        (out / name).write_bytes(whole)
    whole = (out / "config.yaml").read_bytes()
    DAMAGES[how](out / "config.yaml", draw)
    if how == "gone":
        assert verify_files(str(out)).problems == ["config.yaml: the file is gone; run again to make it anew"]
    elif how == "emptied":
        with pytest.raises(InvalidConfigError, match=r"config\.yaml: is cut or was changed; `dspipe run` with"):
            verify_run(str(out))
    (out / "config.yaml").write_bytes(whole)
    DAMAGES[how](out / "run.json", draw)
    if how != "flipped":
        with pytest.raises(RunNotFoundError, match=r"run\.json"):
            verify_run(str(out))
    assert run_inline(config(tmp_path)).tasks_run == 0
    assert verify_run(str(out)).problems == []


def test_what_is_damaged_again_and_again_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path / "in")

    def broken(self: ExchangeReader, data: bytes) -> Any:
        raise DamagedFileError(self.path, "is broken")

    monkeypatch.setattr(ExchangeReader, "entries", broken)
    with pytest.raises(RunFailedError, match="is broken, though it was made again just now: check the storage"):
        run_inline(config(tmp_path))
