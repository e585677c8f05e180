"""Hosts judged by all of their pages, against plain Python."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.stages.hosts.stage import HostsConfig
from tests.engine import artifact_files, planned, rows_of, run_inline, tasks_run


def config(folder: Path, hosts: dict[str, Any], shards: int = 3, pages: int = 200, **engine: Any) -> dict[str, Any]:
    """Pages of hosts of very different sizes; of half of the hosts most are too short for the stage before."""
    draw = random.Random(4)
    folder.mkdir(exist_ok=True)
    for shard in range(shards):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for n in range(pages):
                host = min(int(draw.paretovariate(0.7)), 40)
                short = draw.random() < (0.9 if host % 2 else 0.2)
                url = None if n % 50 == 7 else f"https://h{host}.example/{shard}/{n}"
                row = {"id": f"{shard}-{n}", "url": url, "text": "abc" if short else f"a longer text {n % 13}"}
                file.write(json.dumps(row) + "\n")
    return {
        "output": str(folder / "out"),
        "sources": [{"name": "s", "format": "jsonl", "path": f"{folder}/*.jsonl"}],
        "stages": [{"tests.toys.lengths": {"minimum": 5}}, {"hosts": hosts}],
        "engine": {"kind": "inline", **engine},
    }


def host_of(url: str | None) -> str | None:
    return None if url is None else url.split("/")[2]


@pytest.mark.parametrize("memory", ["64MB", "2GB"])
def test_whole_hosts_go(tmp_path: Path, memory: str) -> None:
    hosts = {"drop": "pages >= 4 and dropped > 0.6 or mean.lengths.length > 17", "mean": ["lengths.length"]}
    result = run_inline(config(tmp_path / "in", hosts, memory=memory))
    rows = rows_of(result, ["id", "url", "lengths.length", "reason"])
    before = {row["id"]: "lengths.too_short" if row["lengths.length"] < 5 else None for row in rows}
    pages = Counter(host_of(row["url"]) for row in rows)
    short = Counter(host_of(row["url"]) for row in rows if before[row["id"]])
    lengths: Counter[str | None] = Counter()
    for row in rows:
        lengths[host_of(row["url"])] += row["lengths.length"]
    goes = {h for h in pages if h and ((pages[h] >= 4 and short[h] / pages[h] > 0.6) or lengths[h] / pages[h] > 17)}
    assert 2 < len(goes) < len(pages) - 2
    for row in rows:
        dropped = "hosts.dropped" if host_of(row["url"]) in goes else None
        assert row["reason"] == (before[row["id"]] or dropped), row
    table = [row for file in artifact_files(result, "hosts.table") for row in pq.read_table(file).to_pylist()]
    assert {row["host"]: row["pages"] for row in table} == {host: n for host, n in pages.items() if host}
    assert {row["host"] for row in table if row["goes"]} == goes
    for row in table:
        reasons = {reason["reason"]: reason["pages"] for reason in row["reasons"]}
        assert reasons == ({"lengths.too_short": short[row["host"]]} if short[row["host"]] else {})
        assert row["mean.lengths.length"] == pytest.approx(lengths[row["host"]] / row["pages"])
    (note,) = [phase.notes["largest hosts"] for phase in result.phases if phase.name == "hosts.report"]
    assert [row["pages"] for row in note] == sorted((n for host, n in pages.items() if host), reverse=True)[:50]


def test_a_limit_on_pages_is_kept_exactly(tmp_path: Path) -> None:
    values = config(tmp_path / "in", {"max_pages": 9})
    result = run_inline(values)
    rows = rows_of(result, ["id", "url", "lengths.length", "reason"])
    long = Counter(host_of(row["url"]) for row in rows if row["lengths.length"] >= 5)
    kept = Counter(host_of(row["url"]) for row in rows if row["reason"] is None)
    assert max(n for host, n in long.items() if host) > 20
    assert kept == {host: min(n, 9) if host else n for host, n in long.items()}
    assert {row["reason"] for row in rows} == {None, "lengths.too_short", "hosts.too_many_pages"}
    assert tasks_run(run_inline(values)) == {}
    other = run_inline({**values, "output": str(tmp_path / "other"), "engine": {"kind": "inline", "batch_rows": 7}})
    assert rows_of(other, ["id", "reason"]) == rows_of(result, ["id", "reason"])
    values["stages"][1]["hosts"]["max_pages"] = 8
    assert set(tasks_run(run_inline(values))) == {"hosts.judge", "hosts.count", "hosts.limit"}  # as large as before


def test_reasons_by_their_beginning(tmp_path: Path) -> None:
    dropped = {}
    for name in ("lengths", "lengths.too_short", "length"):
        hosts = {"drop": f"dropped.{name} >= 0.5 and pages > 3", "name": "by_host"}
        result = run_inline({**config(tmp_path / "in", hosts), "output": str(tmp_path / name)})
        dropped[name] = sum(row["reason"] == "by_host.dropped" for row in rows_of(result, ["reason"]))
    assert dropped["lengths"] == dropped["lengths.too_short"] > 0 == dropped["length"]


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    def said(hosts: dict[str, Any]) -> str:
        with pytest.raises(InvalidConfigError) as error:
            planned(config(tmp_path / "in", hosts))
        return str(error.value)

    assert "hosts.drop: there is no column page; did you mean pages?" in said({"drop": "page > 3"})
    assert "there is no column mean.quality" in said({"drop": "mean.quality > 3"})
    assert "needs quality, which no stage of this config makes" in said({"mean": ["quality"], "max_pages": 3})
    with pytest.raises(ValidationError, match="set drop, max_pages, or mean"):
        HostsConfig.model_validate({})
