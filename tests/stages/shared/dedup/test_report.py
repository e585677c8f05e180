import json
from pathlib import Path

import numpy as np

from tests.engine import artifact_files, run_inline
from tests.stages.dedup_corpus import deduplicating, words


def test_statistics_name_shares_clusters_and_alarms(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(6), 40))
    shards = {
        "d0": [{"id": f"a{n}", "text": f"{n} {n * n} own", "url": f"https://good.example/{n}"} for n in range(150)],
        "d1": [{"id": f"b{n}", "text": text, "url": f"https://copy.example/{n}"} for n in range(150)],
    }
    result = run_inline(deduplicating(tmp_path, shards, "minhash"))
    (file,) = artifact_files(result, "minhash.report")
    report = json.loads(file.read_text())
    assert report["by source"][1] == {"source": "d1", "documents": 150, "dropped": 149, "share": 0.9933}
    assert report["share by dumps"][1]["share so far"] == round(149 / 300, 4)
    assert report["cluster sizes"] == [{"at least": 128, "clusters": 1}]
    assert report["largest clusters"] == [{"documents": 150, "id": "b0", "url": "https://copy.example/0"}]
    assert {(alarm["of"], alarm["name"]) for alarm in report["alarms"]} == {("source", "d1"), ("host", "copy.example")}
