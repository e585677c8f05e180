"""A crawl to run on: WARC files of any number, made of real pages, with the truth of what is a copy of what beside it.

    python -m tools.make_crawl OUT --pages PAGES.warc.gz ... --texts TEXTS.jsonl.zst ... \\
        --dumps 4 --shards 100 --bytes 10e9 --seed 1

Real pages give their frames (head, navigation, foot) to hosts, and sentences of real texts are the main text: see
`tools.crawl.frames`, `tools.crawl.sentences` and `tools.crawl.pages`. Which page is a copy of which is decided by
`tools.crawl.plan`. The same arguments and inputs give the same bytes, whatever the number of processes. Below OUT:

    crawl.json                                     the arguments, the sizes, and the share of copies by number of dumps
    crawl-data/CC-MAIN-2020-05/warc.paths.gz       each dump's list of files, relative to OUT, as Common Crawl has it
    crawl-data/CC-MAIN-2020-05/segments/...        the files
    truth/CC-MAIN-2020-05/00000.parquet            the truth about the pages of each file (`tools.crawl.write.TRUTH`)

A run that was stopped goes on: files that are there are not made again where crawl.json is the same.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tools.crawl.draws import draws, key
from tools.crawl.frames import open_page, read_pages
from tools.crawl.plan import Crawl, Curve, hosts_of, plan_crawl
from tools.crawl.records import Frame
from tools.crawl.sentences import make_pools, read_texts
from tools.crawl.write import Maker, Shard

LANGUAGES = {"en": 0.55, "zh": 0.2, "de": 0.08, "fr": 0.05, "ru": 0.05, "es": 0.04, "ja": 0.03}
_WEEKS = (5, 16, 24, 34, 45)
_PAGES_A_HOST = 20
_FRAMES = 800
_SAMPLED = 1000

_maker: Maker
_out: Path


class InputError(Exception):
    """What was given can't be made into a crawl."""


def find_files(paths: Iterable[str], endings: tuple[str, ...]) -> list[Path]:
    """The files given, and those of folders given that end so. Raises InputError where there are none."""
    found = []
    for path in map(Path, paths):
        inside = sorted(p for p in path.rglob("*") if p.name.endswith(endings)) if path.is_dir() else [path]
        if not inside or not all(p.exists() for p in inside):
            raise InputError(f"{path}: no such file, or no {' or '.join(endings)} file in it")
        found += inside
    return found


def read_inputs(pages: list[Path], texts: list[Path], frames: int) -> tuple[list[Frame], list[tuple[str, str]]]:
    """Frames of real pages, and texts by language: those of the pages and of text files."""
    opened, found, seen = list[Frame](), list[tuple[str, str]](), set[bytes]()
    for url, page in read_pages(pages):
        if page in seen or (good := open_page(url, page)) is None:
            continue
        seen.add(page)
        opened.append(good[0])
        found.append((good[0].language, good[1]))
    if not opened:
        raise InputError("none of the pages has main text in paragraphs, with little other text around it")
    # of all pages evenly, not the first ones
    step = max(len(opened) / frames, 1)
    chosen = [opened[int(i * step)] for i in range(min(frames, len(opened)))]
    return chosen, [*found, *read_texts(texts)]


def dump_name(number: int) -> str:
    """Common Crawl's kind of name: five dumps a year from 2020 on."""
    return f"CC-MAIN-{2020 + number // len(_WEEKS)}-{_WEEKS[number % len(_WEEKS)]:02d}"


def shards_of(crawl: Crawl, shards: int) -> list[Shard]:
    """The files of every dump, in order: each dump has its share of them."""
    found = []
    for number, dump in enumerate(crawl.dumps):
        name = dump_name(number)
        files = shards * (number + 1) // len(crawl.dumps) - shards * number // len(crawl.dumps)
        edges = [len(dump.page) * i // files for i in range(files + 1)]
        for i in range(files):
            segment = f"segments/{name[8:12]}{name[13:]}0000.{i % 100}/warc"
            path = f"crawl-data/{name}/{segment}/{name}-{i:05d}.warc.gz"
            found.append(Shard(number, edges[i], edges[i + 1], path, f"truth/{name}/{i:05d}.parquet"))
    return found


def mean_bytes(maker: Maker) -> float:
    """Compressed bytes of a capture, of a sample."""
    dump = maker.crawl.dumps[0]
    rows = (draws(key(maker.crawl.seed, 15), _SAMPLED) % len(dump.page)).astype(np.int64)
    hosts = hosts_of(maker.crawl.seed, dump.page[rows], maker.hosts).tolist()
    taken = [maker.capture(dump, maker.names[0], row, host)[0] for row, host in zip(rows.tolist(), hosts, strict=True)]
    return sum(len(record) for members in taken for record in members) / len(taken)


def make_crawl(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Make a crawl; what crawl.json says. Raises InputError."""
    if options.shards < options.dumps:
        raise InputError(f"{options.dumps} dumps need at least as many shards, not {options.shards}")
    frames, texts = read_inputs(
        find_files(options.pages, (".warc", ".warc.gz")),
        find_files(options.texts, (".jsonl", ".jsonl.gz", ".jsonl.zst")),
        _FRAMES,
    )
    pools = make_pools(texts)
    shares = {name: share for name, share in options.languages.items() if name in pools}
    if not shares:
        raise InputError(f"too few sentences in the languages {', '.join(options.languages)}: give more --texts")
    shares = {name: share / sum(shares.values()) for name, share in shares.items()}
    curve = Curve(options.within, options.overall, options.over)
    names = [dump_name(number) for number in range(options.dumps)]

    def planned(captures: int) -> Maker:
        crawl = plan_crawl(options.seed, captures, options.dumps, curve, options.near, options.broken)
        return Maker(crawl, names, max(len(crawl.original) // _PAGES_A_HOST, 1), shares, pools, frames)

    maker = planned(max(int(options.bytes / 25_000), 10 * options.shards))
    maker = planned(max(int(options.bytes / mean_bytes(maker)), options.shards))
    shards = shards_of(maker.crawl, options.shards)
    asked = {
        "seed": options.seed,
        "dumps": names,
        "shards": options.shards,
        "bytes": options.bytes,
        "captures": sum(len(dump.page) for dump in maker.crawl.dumps),
        "pages": len(maker.crawl.original),
        "hosts": maker.hosts,
        "languages": shares,
        "sentences": {name: len(pools[name].sentences) for name in shares},
        "frames": len(frames),
        "copies_by_dumps": {str(n + 1): curve.removed(n + 1) for n in range(options.dumps)},
        "copies_of_91_dumps": curve.removed(91),
        "near": options.near,
        "broken": options.broken,
    }
    _check_same(out, asked)
    for name in names:
        listed = [shard.path for shard in shards if names[shard.dump] == name]
        place = out / "crawl-data" / name / "warc.paths.gz"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress("".join(f"{path}\n" for path in listed).encode(), mtime=0))
    size = write_all(out, maker, shards, options.processes)
    return {**asked, "compressed_bytes": size}


def _check_same(out: Path, asked: dict[str, Any]) -> None:
    """Files of another crawl aren't gone on with."""
    place, text = out / "crawl.json", json.dumps(asked, indent=1)
    if place.exists() and place.read_text() != text:
        raise InputError(f"{out} holds another crawl (see crawl.json there): remove it, or name another folder")
    out.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def write_all(out: Path, maker: Maker, shards: list[Shard], processes: int) -> int:
    """Make the files that aren't there, and give the bytes of all."""
    missing = [shard for shard in shards if not (out / shard.path).exists()]
    if processes == 1:
        for number, shard in enumerate(missing, 1):
            maker.write(out, shard)
            _progress(number, len(missing))
    elif missing:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, _set_up, (maker, out)) as pool:
            waiting = [pool.submit(_write, shard) for shard in missing]
            for number, done in enumerate(as_completed(waiting), 1):
                done.result()
                _progress(number, len(missing))
    return sum((out / shard.path).stat().st_size for shard in shards)


def _set_up(maker: Maker, out: Path) -> None:
    global _maker, _out
    _maker, _out = maker, out


def _write(shard: Shard) -> int:
    return _maker.write(_out, shard)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} files", end="\n" if done == of else "", file=sys.stderr)


def _count(text: str) -> int:
    return int(float(text))


def _languages(text: str) -> dict[str, float]:
    return {name: float(share) for name, _, share in (part.partition("=") for part in text.split(","))}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m tools.make_crawl", description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path, metavar="OUT")
    options.add_argument("--pages", nargs="+", required=True, metavar="WARC", help="files or folders of real pages")
    options.add_argument("--texts", nargs="*", default=[], metavar="JSONL", help="more texts, with `text` and `lang`")
    options.add_argument("--dumps", type=int, default=4)
    options.add_argument("--shards", type=int, default=100, help="files of all dumps together")
    options.add_argument("--bytes", type=_count, default=10**10, help="of all files together, compressed")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--languages", type=_languages, default=LANGUAGES, help="shares of pages: en=0.6,zh=0.4")
    options.add_argument("--within", type=float, default=0.222, help="the share of copies in one dump")
    options.add_argument("--overall", type=float, default=0.898, help="the share of copies in --over dumps")
    options.add_argument("--over", type=int, default=91)
    options.add_argument("--near", type=float, default=0.4, help="the share of copies that differ a little")
    options.add_argument("--broken", type=float, default=0.003, help="the share of broken records")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return options.parse_args(arguments)


def main() -> None:
    """Make the crawl that the command line asks for."""
    options, start = parse(), time.perf_counter()
    try:
        made = make_crawl(options.out, options)
    except InputError as error:
        sys.exit(f"make_crawl: {error}")
    seconds = time.perf_counter() - start
    print(json.dumps(made, indent=1))
    print(f"{made['compressed_bytes'] / 1e6:,.0f} MB in {seconds:,.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
