"""The table of recipes over a made crawl: its sources, and what the stages of one recipe dropped."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.recipes import FOLDER, MATH, RECIPES, Crawl, Recipe, copies_in, lists_of, run_recipe
from tests.tools.crawl.made import write_inputs
from tools.make_crawl import make_crawl, parse


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    folder = tmp_path_factory.mktemp("crawl")
    made = ["--dumps", "2", "--shards", "2", "--bytes", "1e5", "--processes", "1"]
    options = parse([str(folder / "made"), *write_inputs(folder), *made])
    said = make_crawl(options.out, options)
    return Crawl(options.out, said["dumps"], folder)


def test_every_recipe_for_pages_is_there() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {*RECIPES, MATH, f"{MATH}-corpus", "deepseek-coder"}


def test_a_recipe_reads_each_dump_as_a_source_of_its_own(crawl: Crawl) -> None:
    key, _, value = crawl.sources(FOLDER / "deepseek-llm.yaml", whole_pages=False).partition("=")
    assert key == "sources"
    found = json.loads(value)
    assert [source["dump"] for source in found] == list(crawl.dumps)
    assert {source["domain"] for source in found} == {"web"}


def test_the_lists_are_those_that_recipes_name(crawl: Crawl) -> None:
    text = "".join((FOLDER / f"{name}.yaml").read_text("utf-8") for name in RECIPES)
    for name in lists_of(crawl):
        assert f"${{ASSETS}}/{name.split('/')[0]}" in text


def test_what_came_in_was_dropped_for_a_reason_or_came_out(crawl: Crawl, tmp_path: Path) -> None:
    config = FOLDER / "deepseekmath.yaml"
    assert "tokenizer" not in yaml.safe_load(config.read_text("utf-8"))["stages"]
    found = run_recipe(config, tmp_path / "run", [crawl.sources(config, whole_pages=False)])
    assert found["in"] == found["out"] + sum(found["dropped"].values())
    assert sum(found["reasons"].values()) == sum(found["dropped"].values())
    copies = copies_in(crawl, [str(tmp_path / "run")], Recipe())["copies"]
    removed = found["dropped"]["exact_dedup"] + found["dropped"]["minhash"]
    assert copies["removed"] == pytest.approx(removed / copies["documents"])
    assert 0 < copies["recall"] <= 1
