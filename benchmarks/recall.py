"""The recall loop where the truth is known: pages on mathematics hidden among web pages, found round by round.

    python -m benchmarks.recall --math math-latex.jsonl.zst --web wcxb-dev.warc.gz ...

Files on mathematics are cut to pages of about 2,500 characters; half of the pages lose their LaTeX commands, as a page
that was rendered. The seeds are pages in LaTeX of some of the sources and stand nowhere else. The others go to made
hosts: sites on mathematics, sites that have a folder of it, and one in ten to a site on something else. A person's
annotations are made from the truth: a host or folder is taken where more than half of its pages are on mathematics, and
refused where less than one in twenty is.
"""

import json
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.common import bare_parser, read_documents, report
from dspipe.api import run
from dspipe.kernels.fasttext.model import read_model
from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.storage.store import Store
from dspipe.stages.quality.recall.annotations import SKIP
from dspipe.stages.quality.recall.config import RecallConfig
from dspipe.stages.quality.recall.corpus import Corpus
from dspipe.stages.quality.recall.rounds import go_on
from dspipe.stages.quality.recall.scoring import Scores
from dspipe.stages.quality.recall.state import Round

PAGE = 2500
_COMMANDS = re.compile(
    r"\\(?:begin|end|label|ref|cite|input|phantomsection)\b(?:\{[^}]*\})?|\\[A-Za-z]+\*?|[{}$\\^_&%]"
)
Truth = dict[str, str]
"""the kind of each page by its URL: `web`, or what it is on mathematics"""


def main() -> None:
    """The command line."""
    options = bare_parser(__doc__.partition("\n")[0])
    options.add_argument("--math", nargs="+", required=True, metavar="FILE", help="documents on mathematics, with ids")
    options.add_argument("--web", nargs="+", required=True, metavar="FILE", help="the pages that they are hidden among")
    options.add_argument("--web-pages", type=int, default=12_000, help="of these, at most")
    options.add_argument("--math-pages", type=int, default=1000, help="hidden, at most")
    options.add_argument("--seeds", type=int, default=200, help="seed pages")
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--at-least", type=float, default=0.5)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(asked, _measure(asked, Path(name)), ("pages", "recall", "precision", "in LaTeX", "rendered", "logic",
               "scattered", "new", "hosts", "listed"), "the recall loop, by round")  # fmt: skip


def _measure(asked: Any, folder: Path) -> dict[str, Any]:
    rng = random.Random(3)
    seeds, pages, truth = _make_web(asked, rng)
    _write(folder / "seeds.jsonl", seeds)
    _write(folder / "pages.jsonl", pages)
    source = {"name": "web", "format": "jsonl", "path": str(folder / "pages.jsonl")}
    run({"name": "web", "output": str(folder / "run"), "engine": "inline", "sources": [source],
         "stages": [{"exact_dedup": {}}]})  # fmt: skip
    there = Counter(truth[url] for url in _kept(folder / "run"))
    settings = {"run": str(folder / "run"), "output": str(folder / "recall"), "seed": str(folder / "seeds.jsonl")}
    config = RecallConfig.model_validate({**settings, "rounds": asked.rounds, "at_least": asked.at_least})
    outcome = go_on(config, Locator("benchmark", {}, {}), Quiet(), lambda host, prefix, _: judge(truth, host, prefix))
    rows: dict[str, Any] = {f"round {done.number}": _row(done, folder, truth, there) for done in outcome.rounds}
    hidden = there.total() - there["web"]
    return {**rows, "pages": there.total(), "of them on mathematics": hidden, "seeds": len(seeds),
            "ended": outcome.why, "MB scored per CPU second": _speed(folder)}  # fmt: skip


def _speed(folder: Path) -> float:
    """MB of text that the first round's model scores in a second of CPU time, reading and writing files included."""
    corpus, model = Corpus.open(str(folder / "run")), folder / "recall" / "models" / "round-1.bin"
    seconds = []
    for number in range(3):
        start = time.process_time()
        scores = Scores(Store(str(folder / f"again-{number}")), corpus, str(number), 0)
        scores.write(read_model(model), lambda done, total: None)
        seconds.append(time.process_time() - start)
    megabytes = sum(int(scores.read(shard).bytes.sum()) for shard in range(len(corpus.table.shards))) / 1e6
    return megabytes / statistics.median(seconds)


class Quiet:
    """Shows no progress."""

    def step(self, title: str, done: float, total: float) -> None: ...

    def round(self, done: Round) -> None: ...


def _make_web(asked: Any, rng: random.Random) -> tuple[list[dict[str, str]], list[dict[str, str]], Truth]:
    """Seeds, pages, and the truth of the pages."""
    seeds, pages = make_math(asked.math, asked.seeds, asked.math_pages, rng)
    for number, document in enumerate(read_documents(asked.web)):
        if number >= asked.web_pages:
            break
        on_university = rng.random() < 0.03
        host = f"university{rng.randrange(4)}" if on_university else f"site{min(int(rng.paretovariate(0.4)), 300) - 1}"
        pages.append((f"http://{host}.example/{'news' if on_university else 'a'}/{number}", "web", document["text"]))
    rng.shuffle(pages)
    truth = {url: kind for url, kind, _ in pages}
    made = [{"id": str(row), "url": url, "text": text} for row, (url, _, text) in enumerate(pages)]
    return [{"text": text} for text in seeds], made, truth


def make_math(
    paths: Sequence[str | Path], seeds: int, most: int, rng: random.Random
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Texts of seeds, and URL, kind and text of the pages on mathematics that are to be hidden."""
    math = list(_math_pages(paths, rng))
    rng.shuffle(math)
    chosen = [text for kind, text in math if kind == "in LaTeX"][:seeds]
    hidden = [page for page in math if page[1] not in set(chosen)][:most]
    pages = []
    for number, (kind, text) in enumerate(hidden):
        if rng.random() < 0.1:
            pages.append((f"http://site{rng.randrange(300)}.example/posts/m{number}", "scattered", text))
        elif kind == "logic":
            pages.append((f"https://logic{rng.randrange(6)}.example/book/{number}", kind, text))
        elif rng.random() < 0.5:
            pages.append((f"https://math{rng.randrange(10)}.example/notes/{number}", kind, text))
        else:
            pages.append((f"https://university{rng.randrange(4)}.example/algebra/{number}", kind, text))
    return chosen, pages


def _math_pages(paths: Sequence[str | Path], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Kind and text of pages that are cut from the documents; those of the Open Logic project are `logic`."""
    for document in read_documents(paths):
        logic = str(document.get("id", "")).startswith("OpenLogic")
        page = ""
        for paragraph in [*document["text"].split("\n\n"), None]:
            if page and (paragraph is None or len(page) > PAGE):
                rendered = rng.random() < 0.5
                text = re.sub(r"[ \t]+", " ", _COMMANDS.sub(" ", page)) if rendered else page
                yield "logic" if logic else "rendered" if rendered else "in LaTeX", text
                page = ""
            page += f"{paragraph}\n\n"


def judge(truth: Truth, host: str, prefix: str) -> bool | str:
    """What a person would say who knows the truth."""
    places = (f"http://{host}{prefix}", f"https://{host}{prefix}")
    kinds = [kind for url, kind in truth.items() if url.startswith(places)]
    share = sum(kind != "web" for kind in kinds) / len(kinds)
    return True if share > 0.5 else False if share < 0.05 else SKIP


def _row(done: Round, folder: Path, truth: Truth, there: Counter[str]) -> dict[str, Any]:
    table = pq.read_table(folder / "recall" / f"recalled-round-{done.number}")
    found = Counter(truth[url] for url in table.column("url").to_pylist())
    right, hidden = found.total() - found["web"], there.total() - there["web"]
    kinds = {kind: found[kind] / there[kind] for kind in there if kind != "web"}
    return {"pages": done.recalled, "recall": right / hidden, "precision": right / max(1, done.recalled), **kinds,
            "new": done.new, "hosts": done.hosts, "listed": done.listed}  # fmt: skip


def _kept(output: Path) -> Iterator[str]:
    from dspipe.pipeline.inspection.document_table import DocumentTable

    for rows in DocumentTable.open(str(output)).read(["url", "reason"]):
        yield from rows.batch.filter(rows.batch.column("reason").is_null()).column("url").to_pylist()


def _write(path: Path, items: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


if __name__ == "__main__":
    main()
