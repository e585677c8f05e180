"""Mistakes in a config: all of them, each with its file, line, key, what was found and what is allowed."""

from pathlib import Path

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError, Locator
from dspipe.pipeline.config.run_config import load_config, validate

GOOD = """\
name: good
output: out
seed: 17
engine: {kind: local, workers: 2, memory: 1GiB}
sources:
  - {name: a, format: jsonl, path: in/*.jsonl, dump: 2024-10-01}
  - name: b
    format: jsonl
    path: other.jsonl.zst
stages:
  - tests.toys.lengths: {minimum: 7}
  - tests.toys.unique
"""


def problems(tmp_path: Path, text: str, *edits: str) -> list[str]:
    file = tmp_path / "run.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidConfigError) as caught:
        load_config(file, edits)
    return [str(problem).replace(str(file), "run.yaml") for problem in caught.value.problems]


def test_a_good_config(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(GOOD, "utf-8")
    config = load_config(file)
    assert config.engine.memory == 2**30
    assert config.sources[0].config.dump == "2024-10-01"
    assert [stage.name for stage in config.stages] == ["lengths", "unique"]
    assert config.stages[0].config.minimum == 7


def test_documents_fit_the_memory_unless_a_source_says_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(GOOD, "utf-8")
    edits = ["engine.memory=128MiB", "sources.b.max_document_bytes=100MB"]
    assert [source.config.max_document_bytes for source in load_config(file, edits).sources] == [16 << 20, 10**8]
    assert load_config(file).sources[0].config.max_document_bytes == 64 << 20
    edits = ["engine.memory=128MiB", "sources=[{name: a, format: warc, path: x}]"]
    assert load_config(file, edits).sources[0].config.max_document_bytes == 4 << 20


def test_sets(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(GOOD, "utf-8")
    edits = [
        "stages.tests.toys.lengths={minimum: 9}",
        "engine=inline",
        "sources.b.path=[x.jsonl, y.jsonl]",
        "sources.0.domain=books",
        "seed=3",
    ]
    config = load_config(file, edits)
    assert config.stages[0].config.minimum == 9
    assert load_config(file, ["stages.tests.toys.lengths.minimum=8"]).stages[0].config.minimum == 8
    assert load_config(file, ["stages.tests.toys.unique.lose=true"]).stages[1].config.lose
    with pytest.raises(
        InvalidConfigError, match=r"there is no minhash; there is tests\.toys\.lengths, tests\.toys\.unique"
    ):
        load_config(file, ["stages.minhash.bands=20"])
    assert config.engine.kind == "inline"
    assert config.sources[1].config.path == ["x.jsonl", "y.jsonl"]
    assert config.sources[0].config.domain == "books"
    assert config.seed == 3
    assert load_config(file, ["engine.workers=3"]).engine.workers == 3
    assert load_config(file, ["engine=ray", "engine.workers=3"]).engine.kind == "ray"


def test_typos_are_named_with_their_line(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 17", "sed: 17").replace("workers: 2", "wrokers: 2").replace("minimum: 7", "minimum: x")
    text = text.replace("path: other.jsonl.zst", "paht: other.jsonl.zst")
    found = problems(tmp_path, text)
    assert found[0].startswith("run.yaml:3: sed: unknown key; did you mean seed? Allowed: ")
    assert found[1].startswith("run.yaml:4: engine.wrokers: unknown key; did you mean workers?")
    assert any(line.startswith("run.yaml:9: sources.b.paht: unknown key; did you mean path?") for line in found)
    assert any(line == "run.yaml:7: sources.b.path: is missing" for line in found)
    assert found[-1].startswith("run.yaml:11: stages.tests.toys.lengths.minimum: expected a whole number, not 'x'")


def test_unknown_stage_and_format(tmp_path: Path) -> None:
    text = GOOD.replace("tests.toys.unique", "tests.toys.uniqe").replace("format: jsonl, path", "format: jsonnl, path")
    found = problems(tmp_path, text)
    assert found[0].startswith("run.yaml:6: sources.a.format: found 'jsonnl'; did you mean jsonl?")
    assert found[1].startswith("run.yaml:12: stages.tests.toys.uniqe: no module tests.toys.uniqe is found on Python")


def test_names_stand_once(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD.replace("name: b", "name: a"))[0].endswith(
        "two sources are called a; names are part of document ids"
    )
    doubled = GOOD + "  - tests.toys.unique: {}\n"
    assert problems(tmp_path, doubled) == ["run.yaml:13: stages.tests.toys.unique: the stage is there twice"]
    assert problems(tmp_path, GOOD + "seed: 3\n")[0].startswith("run.yaml:13: not valid YAML: the key seed stands here")


def test_a_stage_may_stand_again_under_a_name_of_its_own(tmp_path: Path) -> None:
    marks = "  - tests.toys.marks: {mark: a}\n  - tests.toys.marks: {mark: b%s}\n"
    (problem,) = problems(tmp_path, GOOD + marks % "")
    assert problem == (
        "run.yaml:14: stages.tests.toys.marks: the stage marks is there twice; give one a `name` of its own, as in "
        "`tests.toys.marks: {name: marks.second, ...}`"
    )
    (problem,) = problems(tmp_path, GOOD + marks % ", name: other, at_most: x")
    assert problem.startswith("run.yaml:14: stages.other.at_most: expected a whole number")
    (problem,) = problems(tmp_path, GOOD + marks % ", name: Not this")
    assert problem.startswith("run.yaml:14: stages.Not this.name")
    (tmp_path / "run.yaml").write_text(GOOD + marks % ", name: other.marks")
    assert [stage.name for stage in load_config(tmp_path / "run.yaml").stages][-2:] == ["marks", "other.marks"]


def test_what_is_no_config(tmp_path: Path) -> None:
    assert problems(tmp_path, "name: [")[0].startswith("run.yaml:1: not valid YAML: a bracket, brace or quote")
    assert problems(tmp_path, "")[0].endswith("expected keys like name, output, sources, stages")
    assert problems(tmp_path, GOOD, "seed")[0] == "--set seed: expected --set key.path=value"
    assert problems(tmp_path, GOOD, "seed=-1")[0].startswith("--set seed=-1: seed: expected 0 or more, not -1")
    assert problems(tmp_path, GOOD, "engine.address=auto")[0].startswith("--set engine.address=auto: engine")
    with pytest.raises(InvalidConfigError, match=r"nothing\.yaml: no such file"):
        load_config(tmp_path / "nothing.yaml")


def test_a_module_of_ones_own_that_is_not_there_is_told_from_one_without_a_stage(tmp_path: Path) -> None:
    values = {
        "name": "x",
        "output": str(tmp_path),
        "sources": [{"name": "s", "format": "mine.csv", "path": "a"}],
        "stages": [{"mine.stage": {}}, {"tests.toys": {}}],
    }
    with pytest.raises(InvalidConfigError) as error:
        validate(values, Locator("c.yaml", {}, {}))
    message = str(error.value)
    assert "no module mine.csv is found on Python's path; put the folder that it lies in on PYTHONPATH" in message
    assert "no module mine.stage is found on Python's path" in message
    assert "the module tests.toys holds no stage" in message
