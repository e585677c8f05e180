"""The example of a global stage."""

import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from dspipe.testing import check_stage
from examples.host_limit import HostLimit
from tests.engine import rows_of, run_inline, tasks_run


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_keeps_the_oldest_of_each_host(tmp_path: Path, most: int) -> None:
    random.seed(most)
    hosts = ["a.org", "b.org:8080", "münchen.de", None]
    (tmp_path / "in").mkdir()
    urls = []
    for shard in range(4):
        chosen = [random.choice(hosts) for _ in range(20)]
        lines = [
            {"text": f"page {shard} {row}", "url": host and f"https://{host}/{row}?q"}
            for row, host in enumerate(chosen)
        ]
        (tmp_path / "in" / f"{shard}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        urls += chosen
    config = {
        "output": str(tmp_path / "run"),
        "sources": [{"name": "x", "format": "jsonl", "path": str(tmp_path / "in" / "*.jsonl")}],
        "stages": [{"examples.host_limit": {"most": most}}],
    }
    seen: dict[str, int] = defaultdict(int)
    expected = []
    for host in urls:
        seen[host or ""] += 1
        expected.append("host_limit.too_many" if host and seen[host] > most else None)
    assert [row["reason"] for row in rows_of(run_inline(config), ["reason"])] == expected

    again = run_inline(config, stages=[{"examples.host_limit": {"most": most + 1}}])
    assert "documents" not in tasks_run(again)
    assert "host_limit.send" not in tasks_run(again)


def test_keeps_the_contract() -> None:
    check_stage(HostLimit, {"most": 2})
