"""`dspipe init`: the config that it writes is valid, and says of the files what they are."""

import json
from pathlib import Path

import pytest

import dspipe
from dspipe.first_config import first_config
from dspipe.pipeline.config.yaml_lines import parse_yaml
from dspipe.stages.sources.jsonl import JsonlSource
from tests.stages.sources.test_warc import pages

ENGLISH = "The children went down to the river in the morning, and they came back when it was dark again."
CHINESE = "孩子们早上到河边去，天黑了才回来。他们带回了很多鱼，晚上大家一起吃饭。"


def test_it_is_valid_and_says_what_the_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("en.jsonl", ENGLISH), ("zh.jsonl", CHINESE)):
        rows = [{"doc_id": f"{name}{n}", "content": f"{text} {n}", "title": text * 3} for n in range(20)]
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("tools").mkdir()
    Path("tools/a.py").write_text("import sys\n")
    Path("crawl.warc").write_bytes(b"".join(pages(3)))
    text = first_config([Path("en.jsonl"), Path("zh.jsonl"), Path("tools"), Path("crawl.warc")])
    Path("run.yaml").write_text(text)
    values, _ = parse_yaml(text)
    rows_, tools, web = values["sources"]
    assert rows_["fields"] == {"text": "content", "id": "doc_id"} and rows_["path"] == ["en.jsonl", "zh.jsonl"]
    assert (tools["format"], tools["domain"]) == ("files", "code")
    assert (web["format"], web["domain"], web["name"]) == ("warc", "web", "crawl")
    stages = {next(iter(stage)): stage for stage in values["stages"]}
    assert next(iter(stages)) == "extract" and set(stages["language"]["language"]["keep"]) == {"en", "zh"}
    assert "code" not in stages["heuristics"]["heuristics"]["domains"]
    plan = dspipe.plan("run.yaml")
    assert plan.phases[-3].name == "pack.index" and isinstance(plan.config.sources[0], JsonlSource)
    assert plan.remarks == ()
