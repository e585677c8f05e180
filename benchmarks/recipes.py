"""What each recipe for web pages does with a made crawl: what every stage drops, and what deduplication removed beside
what the crawl says are copies.

    python -m tools.make_crawl CRAWL --pages PAGES.warc.gz ... --dumps 2 --shards 8 --bytes 215e6
    python -m benchmarks.recipes --crawl CRAWL --directory OUT --math math-latex.jsonl.zst

The recipes are those of configs/recipes, as they stand but for their sources (one for each dump), a small tokenizer,
short rows, and the edits below. What ASSETS lacks is made below OUT (`benchmarks.recipe_stand_ins`); `--assets` names a
folder with the real files, or some of them. C4 and CCNet read text, the whole of each page, as Common Crawl's WET files
have it. DeepSeekMath gets pages on mathematics beside the crawl (`benchmarks.recall`), and its recall is annotated from
the truth.

A copy is one where its page came to deduplication before; where a recipe looks at each dump by itself, in that dump.
"""

import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

from benchmarks import dump_truth
from benchmarks.common import Result, parser_without_input, read_documents, report
from benchmarks.engine import Silent
from benchmarks.recall import Quiet, judge, make_math
from benchmarks.recipe_stand_ins import write_assets

FOLDER = Path(__file__).parent.parent / "configs" / "recipes"
SMALL = {
    "tokenizer": "{train: {vocab: 1000, special: 3, special_names: plain, pad_to: 1024, sample_bytes: 1000000}}",
    "pack": "{length: 256}",
}
INLINE = "engine={kind: inline, index: false}"
BLOCKED = 50
"""one host in so many is on the block list"""


@dataclass(frozen=True)
class Recipe:
    """How a recipe is run here. whole_pages: over the text of whole pages; copies: the stages that remove copies;
    per_dump: of each dump by itself."""

    edits: Sequence[str] = ()
    whole_pages: bool = False
    copies: Sequence[str] = dump_truth.DEDUPLICATION
    per_dump: bool = False


RECIPES: Mapping[str, Recipe] = {
    # a page whose lines stand in earlier ones is left with too few sentences
    "c4": Recipe(whole_pages=True, copies=("exact_dedup", "repeated_lines", "heuristics.left")),
    "ccnet": Recipe(whole_pages=True, copies=()),
    "dclm": Recipe(),
    "deepseek-llm": Recipe(),
    "dolma3": Recipe(("stages.remix.weights=null", "stages.remix.temperature=1")),
    "fineweb": Recipe(per_dump=True),
    # a random network's numbers are no grades: the share that the paper's classifier keeps, 1.3 of 15 trillion tokens
    "fineweb-edu": Recipe(("stages.educational.at_least=null", "stages.educational.drop_lowest=0.913"), per_dump=True),
    "nemotron-cc": Recipe(),
    "refinedweb": Recipe(),
}
MATH = "deepseekmath"


@dataclass(frozen=True)
class Crawl:
    """A made crawl, its dumps, and the folder for what is made of it."""

    folder: Path
    dumps: Sequence[str]
    out: Path

    def source(self, dump: str) -> dict[str, Any]:
        """The files of a dump."""
        listed = f"crawl-data/{dump}/warc.paths.gz"
        return {"name": dump.lower(), "format": "warc", "path": listed, "root": str(self.folder), "dump": dump}

    def sources(self, recipe: Path, whole_pages: bool, more: Sequence[dict[str, Any]] = ()) -> str:
        """The edit by which a recipe reads this crawl."""
        (given,) = yaml.safe_load(recipe.read_text("utf-8"))["sources"]
        domain = {"domain": given["domain"]} if "domain" in given else {}
        text = {"name": "crawl", "format": "jsonl", "path": str(self.out / "whole-pages" / "data")}
        found = [text] if whole_pages else [self.source(dump) for dump in self.dumps]
        return "sources=" + json.dumps([source | domain for source in [*found, *more]])


def run_recipe(config: Path, output: Path, edits: Sequence[str]) -> Result:
    """Run a recipe, or go on with it: documents in and out, and what each stage dropped for which reasons."""
    from dspipe import api

    names = {name for stage in yaml.safe_load(config.read_text("utf-8"))["stages"] for name in stage}
    small = [f"stages.{name}={value}" for name, value in SMALL.items() if name in names]
    done = api.run(config, [f"output={output}", INLINE, *small, *edits], Silent())
    read, bad = done.file.read_counts()
    kept = done.file.kept()
    assert kept is not None
    reasons: dict[str, int] = {}
    dropped: dict[str, int] = {}
    cut: dict[str, float] = {}
    for entry in done.file.funnel():  # a stage of two rounds has two entries
        for reason, counts in entry.dropped.items():
            reasons[reason] = reasons.get(reason, 0) + counts.documents
            dropped[entry.stage] = dropped.get(entry.stage, 0) + counts.documents
        if entry.rewritten:
            cut[entry.stage] = -entry.rewritten / entry.entered.bytes
    found = {"in": read - bad, "quarantined": bad, "dropped": dropped, "out": kept.documents}
    return found | {"reasons": reasons, "cut": cut}


def make_whole_pages(crawl: Crawl) -> dict[str, list[str]]:
    """The text of every page, navigation and all, as files; some texts by language."""
    from dspipe import api

    config = crawl.out / "whole-pages.yaml"
    extract = {"engine": "resiliparse", "resiliparse": {"main_content": False}}
    values = {
        "name": "whole-pages",
        "output": str(crawl.out / "whole-pages-run"),
        "sources": [crawl.source(dump) for dump in crawl.dumps],
        "stages": [{"extract": extract}, {"language": {}}],
    }
    config.write_text(yaml.safe_dump(values))
    done = api.run(config, [INLINE], Silent())
    done.export(crawl.out / "whole-pages", "jsonl", ["id", "url", "text"])
    texts: dict[str, list[str]] = {}
    truth = ds.dataset(crawl.folder / "truth").to_table(columns=["id", "language"])
    languages = dict(zip(truth.column("id").to_pylist(), truth.column("language").to_pylist(), strict=True))
    for row in read_documents(sorted((crawl.out / "whole-pages" / "data").glob("*.jsonl*"))):
        texts.setdefault(languages[row["id"]], []).append(row["text"])
    return dict(sorted(texts.items()))


def lists_of(crawl: Crawl) -> dict[str, str]:
    """Lists as recipes take them: a part of the crawl's hosts, words that some pages have, a benchmark's question."""
    hosts = int(json.loads((crawl.folder / "crawl.json").read_text())["hosts"])
    blocked = "".join(f"host{number}.example\n" for number in range(BLOCKED // 2, hosts, BLOCKED))
    question = json.dumps({"question": "How many apples has Ann after she gave Bob three of her seven green ones?"})
    return {
        "urls/domains": blocked,
        "urls/soft_words.txt": "casino\npoker\n",
        "urls/substrings.txt": "xxxvideo\n",
        "ldnoobw/en": "damned\nbastard\n",
        "benchmarks/questions.jsonl": question + "\n",
    }


def run_math(crawl: Crawl, files: Sequence[str], assets: Path) -> Result:
    """The three commands of DeepSeekMath's recipe: the deduplicated crawl, the recall, the corpus."""
    from dspipe.pipeline.config.problems import Locator
    from dspipe.stages.quality.recall.config import RecallConfig
    from dspipe.stages.quality.recall.rounds import go_on

    folder = crawl.out / MATH
    folder.mkdir(exist_ok=True)
    seeds, pages = make_math(files, 200, 1000, random.Random(3))
    _write(assets / "openwebmath" / "seeds.jsonl", [{"text": text} for text in seeds])
    _write(folder / "pages.jsonl", [{"id": url, "url": url, "text": text} for url, _, text in pages])
    beside = {"name": "mathematics", "format": "jsonl", "path": str(folder / "pages.jsonl"), "dump": crawl.dumps[0]}
    config = FOLDER / "deepseekmath.yaml"
    sources = crawl.sources(config, False, [beside])
    found = run_recipe(config, folder / "run", [sources])
    found |= copies_in(crawl, [str(folder / "run")], Recipe())
    settings = yaml.safe_load((FOLDER / "recall" / "deepseekmath.yaml").read_text("utf-8"))
    # stands for 40e9 tokens: as many as the pages on mathematics have
    tokens = sum(len(text.encode("utf-8", "replace")) for _, _, text in pages) // 4
    settings |= {"run": str(folder / "run"), "output": str(folder / "recall"), "keep_tokens": tokens}
    settings["seed"] = [str(assets / "openwebmath" / "*.jsonl")]
    # the paper's three epochs are over a million pages
    settings["model"] |= {"dim": 16, "buckets": 200_000, "epochs": 25}
    truth = dict.fromkeys(ds.dataset(crawl.folder / "truth").to_table(columns=["url"]).column("url").to_pylist(), "web")
    truth |= {url: kind for url, kind, _ in pages}
    recall = RecallConfig.model_validate(settings)
    outcome = go_on(recall, Locator("recipe", {}, {}), Quiet(), lambda host, path, _: judge(truth, host, path))
    of_math = {url for url, _, _ in pages}
    rounds = {}
    for done in outcome.rounds:
        urls = pq.read_table(folder / "recall" / f"recalled-round-{done.number}", columns=["url"]).column("url")
        right = sum(url in of_math for url in urls.to_pylist())
        shares = {"recall": right / len(of_math), "precision": right / max(done.recalled, 1)}
        rounds[f"round {done.number}"] = {"pages": done.recalled, **shares, "new": done.new}
    recalled = f"stages.recalled.path={folder / 'recall' / f'recalled-round-{outcome.rounds[-1].number}'}"
    corpus = run_recipe(FOLDER / "deepseekmath-corpus.yaml", folder / "run", [sources, recalled])
    return found | corpus | {"rounds": rounds, "ended": outcome.why}


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def copies_in(crawl: Crawl, runs: Sequence[str], recipe: Recipe) -> Result:
    """What deduplication removed of all dumps, beside what are copies, and by likeness to the original."""
    if not recipe.copies:
        return {}
    compared = dump_truth.compare(crawl.folder, runs, recipe.copies, recipe.per_dump)
    return {"copies": compared["by number of dumps"][str(len(crawl.dumps))], "by likeness": compared["by likeness"]}


def main() -> None:
    """Run the recipes, and print what they did."""
    options = parser_without_input(__doc__.partition("\n")[0], "six times the crawl's size")
    options.add_argument("--crawl", type=Path, required=True, help="what tools.make_crawl has made")
    options.add_argument("--assets", type=Path, default=None, help="what the recipes call ASSETS; default: made")
    options.add_argument("--math", nargs="*", default=[], metavar="FILE", help="documents on mathematics, with ids")
    options.add_argument("--only", nargs="*", choices=[*RECIPES, MATH], default=[*RECIPES, MATH])
    given = options.parse_args()
    out, folder = Path(given.directory).resolve(), given.crawl.resolve()
    out.mkdir(parents=True, exist_ok=True)
    crawl = Crawl(folder, json.loads((folder / "crawl.json").read_text())["dumps"], out)
    assets = (given.assets or out / "assets").resolve()
    os.environ |= {"ASSETS": str(assets), "CRAWL": str(folder)}
    write_assets(assets, make_whole_pages(crawl), lists_of(crawl))
    result: Result = {}
    for name in given.only:
        if name == MATH:
            if given.math:
                result[MATH] = run_math(crawl, given.math, assets)
            continue
        recipe, config = RECIPES[name], FOLDER / f"{name}.yaml"
        edits = [crawl.sources(config, recipe.whole_pages), *recipe.edits]
        result[name] = run_recipe(config, out / name, edits) | copies_in(crawl, [str(out / name)], recipe)
    (out / "recipes.json").write_text(json.dumps(result, indent=1))
    _print(given, result)


def _print(given: Any, result: Result) -> None:
    if given.json:
        print(json.dumps(result))
        return
    report(given, result, ("in", "dropped", "out"), "Documents, and what each stage dropped")
    report(given, result, ("cut",), "The share of the text that stages took out of documents that they kept")
    copies = {name: found["copies"] for name, found in result.items() if "copies" in found}
    columns = ("documents", "truth", "removed", "recall", "precision")
    report(given, copies, columns, "Of the documents that came to deduplication: copies, and what was removed")
    for name, found in result.items():
        if "rounds" in found:
            report(given, found["rounds"], ("pages", "recall", "precision", "new"), f"{name}: the recall, by round")


if __name__ == "__main__":
    main()
