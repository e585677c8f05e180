"""The files and runs that the documentation's commands name, as small as they may be."""

import gzip
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
import zstandard

import dspipe
from tests.stages.pack.statistics.foreign import write_megatron, write_tokenizer
from tests.stages.quality.toy_labels import SIZES, command, grades, sides, write
from tests.stages.sources.test_warc import record, response

_WORDS = """the a river of water and that have to with be in city people over long small house where many when they came
from old market street north every morning some bread fish paper letters which were read by light near window"""
ROOT = Path(__file__).parents[2]
_COPIES = ("quickstart", "cc-other", "web")


def prose(draw: random.Random, words: int) -> str:
    """Sentences that the rules for prose find nothing against."""
    found = draw.choices(_WORDS.split(), k=words)
    return ". ".join(" ".join(found[at : at + 12]).capitalize() for at in range(0, words, 12)) + "."


def config(output: str, **sources: Any) -> dict[str, Any]:
    """A config as the one that configs/quickstart.yaml and configs/cc.yaml show."""
    return {
        "name": "documented",
        "output": output,
        "seed": 17,
        "engine": "inline",
        "sources": [{"name": name.replace("_", "-"), **settings} for name, settings in sources.items()],
        "stages": [
            {"language": {"keep": {"en": 0.1, "zh": 0.1}, "domains": ["web", "books", "descriptions"]}},
            {"heuristics": {"rules": ["gopher"], "gopher": {"min_words": 40}, "domains": ["web", "books"]}},
            {"quality": {"model": "quality.bin", "drop_lowest": 0.1}},
            {"exact_dedup": {}},
            {"minhash": {"bands": 14, "rows": 8}},
            {"remix": {"by": "domain", "multipliers": {"books": 2}, "max_epochs": 4}},
            {"tokenizer": {"train": {"vocab": 300, "special": 15, "pad_to": 384}}},
            {"pack": {"length": 64, "format": "megatron"}},
        ],
    }


def write_world(folder: Path) -> None:
    """All of it, below a folder that is the working directory."""
    draw = random.Random(1)
    texts = [{"id": f"b{i}", "text": prose(draw, 120 if i % 3 else 20), "domain": "books"} for i in range(40)]
    texts[1]["url"] = "https://declarations.example/cmn_hans.html"
    lines = "".join(json.dumps(text) + "\n" for text in texts).encode()
    (folder / "books").mkdir()
    (folder / "books" / "a.jsonl.zst").write_bytes(zstandard.compress(lines))
    pages = [record("response", response(f"<p>{prose(draw, 90)}</p>".encode()), i, f"http://h/{i}") for i in range(4)]
    (folder / "crawl").mkdir()
    (folder / "crawl" / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, pages)))
    (folder / "manuals").mkdir()
    (folder / "manuals" / "one.md").write_text(prose(draw, 90))
    packages = folder / "packages" / "numpy-2.4.6.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text(prose(draw, 80))
    (packages / "LICENSE").write_text(prose(draw, 200))
    (folder / "good.jsonl.gz").write_bytes(gzip.compress(lines))
    worse = [{"text": "click here today because " * 9, "domain": "books"} for _ in range(40)]
    (folder / "crawl.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(text) + "\n" for text in worse).encode()))
    labelled = {"labelled": sides(60), "graded": grades(60), "first": sides(40, 2), "second": sides(40, 2, noise=0.3)}
    for name, documents in labelled.items():
        write(folder / f"{name}.jsonl", documents)
    _write_model(folder)
    _write_dumps(folder, texts)
    books = {"format": "jsonl", "path": "books/*.jsonl.zst", "domain": "books"}
    domains = {"*/METADATA": "descriptions", "*": "licences"}
    crawled = {"format": "jsonl", "path": "web/*.jsonl", "domain": "web", "dump": "2024-10"}
    for name in ("a", "b"):
        write(folder / "web" / f"{name}.jsonl", [{"text": prose(draw, 60)} for _ in range(8)])
    named = {"format": "files", "root": "packages", "path": "**/*", "domains": domains}
    for name in ("quickstart", "cc"):
        values = config(f"runs/{name}", packages=named, books=books, cc_2024_10=crawled)
        (folder / "configs").mkdir(exist_ok=True)
        (folder / "configs" / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    small = config("runs/try", books=books)
    small["stages"] = small["stages"][:1]
    for name in ("try", "config"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(small, sort_keys=False))
    (folder / "theirs").mkdir()
    write_megatron(folder / "theirs" / "theirs", [[0, 1, 26], [2, 26]], "uint16")
    write_tokenizer(folder / "theirs" / "tokenizer.json")


def _write_dumps(folder: Path, texts: list[dict[str, Any]]) -> None:
    """The whole configs of docs/dumps.md as files of their names, with a few documents for each of their sources: the
    second dump has half of the first one's, some of them with a word more."""
    again = [
        text | {"text": f"{text['text']} Again." if i % 2 else text["text"]} for i, text in enumerate(texts[10:20])
    ]
    dumps = {"2024-10": texts[:20], "2024-18": again + texts[20:]}
    for dump, documents in dumps.items():
        write(folder / "dumps" / f"{dump}.jsonl", documents)
    for code in re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "dumps.md").read_text("utf-8"), re.M | re.S):
        values = yaml.safe_load(code)
        for source in values["sources"]:
            source |= {
                "format": "jsonl",
                "path": f"dumps/{source['name']}.jsonl",
                "root": "",
                "max_document_bytes": "1MB",
            }
        for stage in values["stages"]:
            if "tokenizer" in stage and "train" in stage["tokenizer"]:
                stage["tokenizer"]["train"] = {"vocab": 300, "special": 15, "pad_to": 384}
        values["engine"] = "inline"
        (folder / f"{values['name']}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def _write_model(folder: Path) -> None:
    sides = ("--positive", folder / "good.jsonl.gz", "--negative", folder / "crawl.jsonl.gz")
    command("train", *sides, "--output", folder / "quality.bin", *SIZES)


def run_world(folder: Path) -> None:
    """The runs, in `folder`, which is the working directory: one, and copies of it under the other names."""
    dspipe.run("configs/cc.yaml")
    for name in _COPIES:
        shutil.copytree(folder / "runs" / "cc", folder / "runs" / name)
