"""The recipes in configs/recipes: each is planned, says what it lacks, and runs over a few real pages with tiny models
of the kinds that it asks for."""

import json
import random
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.recipe_stand_ins import write_classifier
from dspipe.cli import app
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import RunConfig, check, load_config
from dspipe.pipeline.plan.plan import make_plan
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.run.run_file import read_run
from dspipe.stages.remix.presets import OLMO3_TOPICS
from tests.shared import shared

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "configs" / "recipes"
TRANSFORMERS = all(find_spec(package) for package in ("torch", "transformers", "safetensors"))
RECIPES = sorted(FOLDER.glob("*.yaml"))
PAGES = 24
"""of the slice that are as they were crawled; five of them stand there twice"""
TOKENIZER = "{train: {vocab: 400, special: 3, special_names: plain, pad_to: 512, sample_bytes: 200000}}"

each_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


@dataclass(frozen=True)
class Slice:
    """A few pages of a crawl in both forms, and the address of one of them that is on a block list."""

    warc: Path
    wet: Path
    blocked: str


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Slice:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    folder = tmp_path_factory.mktemp("crawl")
    english, chinese = shared("web/wcxb-dev.warc.gz"), shared("web/zh-news-pages.warc.gz")
    pages, places = [], []
    with english.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            places.append(record.stream_pos)
            if len(places) > PAGES:
                break
            html = record.reader.read().decode("utf-8", "replace")
            pages.append((record.headers["WARC-Target-URI"], extract_plain_text(html, main_content=True)))
    data = english.read_bytes()
    twice = data[places[5] : places[10]]
    (folder / "a.warc.gz").write_bytes(data[: places[-1]])
    (folder / "b.warc.gz").write_bytes(twice + chinese.read_bytes()[:200_000])
    records = [*pages, *((f"{url}?again", f"{text}\nMore of it.") for url, text in pages[5:10])]
    (folder / "a.warc.wet").write_bytes(b"".join(conversion(url, text) for url, text in records))
    return Slice(folder / "*.warc.gz", folder / "a.warc.wet", pages[3][0])


def conversion(url: str, text: str) -> bytes:
    """A record of a WET file."""
    body = text.encode()
    head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
    named = f"WARC-Record-ID: <urn:uuid:{abs(hash(url)):032x}>\r\nContent-Type: text/plain\r\n"
    return f"{head}{named}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory, crawl: Slice) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    for name, text in {
        "urls/domains": crawl.blocked.split("/")[2] + "\n",
        "urls/soft_words.txt": "casino\npoker\n",
        "urls/substrings.txt": "xxxvideo\n",
        "ldnoobw/en": "darn\nvery bad word\n",
        "benchmarks/questions.jsonl": json.dumps({"question": "How many apples has Ann after she gave Bob three?"}),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    labels = {
        "quality": ["positive", "negative"],
        "dclm-fasttext": ["hq", "cc"],
        "dolma3-topics": list(OLMO3_TOPICS),
    }
    draw = random.Random(7)
    words = ["the", "of", "and", "a", "to", "in", "is", "was", "for", "that", "page", "data", "year", "people"]
    texts = [" ".join(draw.choices(words, k=12)) for _ in range(240)]
    for name, of_model in labels.items():
        write_classifier(folder / f"{name}.bin", of_model, texts)
    (folder / "dolma3-quality.bin").write_bytes((folder / "quality.bin").read_bytes())
    if TRANSFORMERS:
        from tests.stages.label.tiny_models import write_model

        for name in "fineweb-edu-classifier", "mixtral-edu", "nemotron-edu":
            write_model(folder / name, ["grade"])
    return folder


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three repositories of files of this project, two of them nearly the same."""
    folder = tmp_path_factory.mktemp("code")
    for repository, of in ("a", "arrow.py"), ("b", "urls/*.py"), ("b-again", "urls/*.py"):
        (folder / repository).mkdir()
        for file in sorted((ROOT / "kernels").glob(of)):
            (folder / repository / file.name).write_bytes(file.read_bytes())
    with (folder / "b-again" / "lists.py").open("a") as more:
        more.write("# and a word more\n")
    return folder


def loaded(path: Path, output: Path, *edits: str) -> RunConfig:
    """A recipe with a tiny tokenizer and short rows, in this process."""
    config = load_config(path)
    names = {stage.name for stage in config.stages}
    small = {"tokenizer": TOKENIZER, "pack": "{length: 64}"}
    engine = "{kind: inline, index: false}"
    given = [f"stages.{name}={value}" for name, value in small.items() if name in names]
    return load_config(path, [f"output={output}", f"engine={engine}", *given, *edits])


def run(path: Path, output: Path, *edits: str) -> dict[str, int]:
    """Run a recipe; how many documents came in and were kept, and of each reason how many were dropped."""
    config = loaded(path, output, *edits)
    check(config)
    executor = make_executor(config.engine)
    try:
        run_plan(make_plan(config), executor, LogProgress())
    finally:
        executor.close()
    _, file = read_run(str(output))
    kept = file.kept()
    assert kept is not None
    dropped = {reason: counts.documents for part in file.funnel() for reason, counts in part.dropped.items()}
    return {"in": file.read_counts()[0], "kept": kept.documents, **dropped}


@each_recipe
def test_a_recipe_says_where_it_comes_from(path: Path) -> None:
    head = path.read_text("utf-8").partition("\nname:")[0]
    config = load_config(path)
    assert config.name == path.stem.removesuffix("-corpus")
    assert config.output == f"runs/{config.name}"
    assert "arXiv" in head or "report" in head or "see deepseekmath.yaml" in head
    assert "# Needs" in head
    assert "Differs" in head or path.stem == "deepseekmath-corpus"
    assert all(
        f"${{{name}}}" in head for name in ("CRAWL", "CODE", "ASSETS") if f"${{{name}}}" in path.read_text("utf-8")
    )


@each_recipe
def test_a_recipe_without_its_files_says_which(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in "CRAWL", "CODE", "ASSETS":
        monkeypatch.delenv(variable, raising=False)
    needs = {"ccnet": find_spec("kenlm"), "fineweb-edu": TRANSFORMERS, "nemotron-cc": TRANSFORMERS}
    if not needs.get(path.stem, True):
        with pytest.raises(InvalidConfigError, match=r"missing: pip install 'dspipe\["):
            check(load_config(path))
        return
    text = path.read_text("utf-8")
    files = text.count('"${ASSETS}/', text.index("\nname:")) - text.count("# - annotate")
    config = load_config(path)
    if files:
        with pytest.raises(InvalidConfigError, match="there is no environment variable ASSETS"):
            check(config)
    monkeypatch.setenv("ASSETS", str(tmp_path))
    if files:
        with pytest.raises(InvalidConfigError, match=str(tmp_path)):
            check(load_config(path))
    with pytest.raises(InvalidConfigError, match=r"there is no environment variable C(RAWL|ODE)"):
        make_plan(config)


FASTTEXT = "engine=fasttext", "model=${ASSETS}/quality.bin"
NETWORK = ("window_tokens=64",) if TRANSFORMERS else FASTTEXT
"""a tiny network has short windows; without the library fastText's probability stands for the grade"""
NOT_MET = "stages.remix.weights=null", "stages.remix.temperature=1"
RUNS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "c4": ((), {"c4.too_few_sentences"}),
    "dclm": (("stages.quality.drop_lowest=0.5",), {"exact_dedup.duplicate", "quality.low_quantile"}),
    "deepseek-llm": ((), {"exact_dedup.duplicate", "quality.low_quantile"}),
    "dolma3": (NOT_MET, {"urls.blocked_domain", "exact_dedup.duplicate"}),
    "fineweb": ((), {"urls.blocked_domain", "language.not_kept", "minhash.near_duplicate"}),
    "deepseek-coder": ((), {"minhash.near_duplicate"}),
    "fineweb-edu": (
        (*(f"stages.edu.{edit}" for edit in NETWORK), "stages.educational.at_least=-9"),
        {"urls.blocked_domain", "minhash.near_duplicate"},
    ),
    "nemotron-cc": (
        tuple(f"stages.{name}.{edit}" for name in ("mixtral", "nemotron") for edit in NETWORK),
        {"language.not_kept", "exact_dedup.duplicate"},
    ),
    "refinedweb": ((), {"urls.blocked_domain", "language.not_kept", "exact_dedup.same_url"}),
}
"""edits that the slice needs, and reasons for which some of its documents must be dropped"""


@pytest.mark.parametrize("name", RUNS)
def test_a_recipe_runs(
    name: str, crawl: Slice, code: Path, assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits, reasons = RUNS[name]
    monkeypatch.setenv("CRAWL", str(crawl.wet if name == "c4" else crawl.warc))
    monkeypatch.setenv("CODE", str(code))
    monkeypatch.setenv("ASSETS", str(assets))
    found = run(FOLDER / f"{name}.yaml", tmp_path / "out", *edits)
    assert reasons <= found.keys(), found
    assert 0 < found["kept"] < found["in"]
    assert (tmp_path / "out" / "index.json").exists()


def test_ccnet_runs_over_wet(crawl: Slice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kenlm", reason="the package kenlm is not installed")
    from tests.stages.perplexity.test_stage import write_model

    write_model(tmp_path / "ccnet" / "en.arpa.bin")
    monkeypatch.setenv("CRAWL", str(crawl.wet))
    monkeypatch.setenv("ASSETS", str(tmp_path))
    edits = ("stages.perplexity.sentencepiece=null", "stages.perplexity.keep=[head, middle]")
    found = run(FOLDER / "ccnet.yaml", tmp_path / "out", *edits)
    assert 0 < found["kept"] < found["in"]
    assert "perplexity.tail" in found


def test_a_model_of_another_kind_is_refused(
    crawl: Slice, assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWL", str(crawl.warc))
    monkeypatch.setenv("ASSETS", str(assets))
    other = assets / "quality.bin"
    for name, edit, message in [
        ("dclm", f"stages.quality.model={other}", "the model has no label hq; it has"),
        ("dclm", f"stages.quality.model={assets / 'quality.txt'}", "quality.txt"),
        ("deepseek-llm", "stages.quality.label=good", "the model has no label good"),
        ("dolma3", "stages.topic.model=${ASSETS}/no.bin", "no model file"),
    ]:
        with pytest.raises(InvalidConfigError, match=message):
            check(loaded(FOLDER / f"{name}.yaml", tmp_path / "out", edit))


def test_deepseekmath_recalls_in_between(
    crawl: Slice, assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWL", str(crawl.warc))
    monkeypatch.setenv("ASSETS", str(assets))
    found = run(FOLDER / "deepseekmath.yaml", tmp_path / "out")
    assert {"exact_dedup.same_url"} <= found.keys()
    seeds = [{"text": f"the theorem and its proof of {row} in algebra"} for row in range(40)]
    (assets / "openwebmath").mkdir(exist_ok=True)
    (assets / "openwebmath" / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    settings = yaml.safe_load((FOLDER / "recall" / "deepseekmath.yaml").read_text("utf-8"))
    settings |= {"run": str(tmp_path / "out"), "output": str(tmp_path / "recall"), "rounds": 1, "keep_tokens": 4000}
    settings["model"] |= {"dim": 4, "buckets": 1000, "min_count": 1}
    (tmp_path / "recall.yaml").write_text(yaml.safe_dump(settings))
    done = CliRunner().invoke(app, ["recall", str(tmp_path / "recall.yaml"), "--accept-all"])
    assert done.exit_code == 0, done.output
    recalled = f"stages.recalled.path={tmp_path / 'recall' / 'recalled-round-1'}"
    corpus = run(FOLDER / "deepseekmath-corpus.yaml", tmp_path / "out", recalled)
    assert 0 < corpus["kept"] < found["kept"]
    assert corpus["mathematics.not_chosen"] == found["kept"] - corpus["kept"]
