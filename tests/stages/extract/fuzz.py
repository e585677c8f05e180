"""Fuzzing of the engine `dspipe`: damaged real pages by the thousand, none of which may end its process.

    python -m tests.stages.extract.fuzz --input wcxb-dev.warc.gz zh-news-pages.warc.gz --minutes 4
    DSPIPE_CHECKED=1 python -m tests.stages.extract.fuzz --input ... --cases 500     # kernels check their indices
    python -m tests.stages.extract.fuzz --input ... --seed 1 --first 4711 --cases 1  # that case again

A case is a piece of a page, damaged in some places. The process that runs cases is a child: where it ends, takes
longer than `LIMIT_S` of processor time, asks for too much memory or raises, the case is a finding, and the next goes on
in a new child (tests/chaos/in_a_child.py). What must hold of what is found: valid text, and numbers between 0 and 1.
Exit code 1 where something was found.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from random import Random

import numpy as np

from benchmarks.extract import pages
from dspipe.stages.extract.stage import ExtractConfig, ExtractStage
from tests.chaos.in_a_child import run_cases

LIMIT_S = 10
CASES_IN_A_CHILD = 2000
_TOKENS = [
    b"<", b">", b"</", b"<table>", b"<tr>", b"<td colspan=9>", b"</table>", b"<pre>", b"</pre>", b"<svg>", b"<svg/>",
    b'<math alttext="x">', b"<annotation encoding=tex>", b"</math>", b"<script>", b"</script>", b"<style>", b"<!--",
    b"-->", b"<![CDATA[", b"<?", b"<!doctype", b'"', b"'", b"=", b"&#x", b"&#1114112;", b"&am", b"&notit;", b"\0",
    b"<li>", b"<ol start=-9>", b"<p hidden>", b"<h1>", b"</h1>", b"<br>", b"<template>", b"<noscript>", b"<textarea>",
    b"<title>", b"<meta charset=utf-16>", b"<base href=//x>", b"<ruby><rt>", b"<select><option>", b"<frameset>",
    b"<plaintext>", b'<script type="application/ld+json">{"@type":', b'<script type="math/tex">', b"\xe3\x80\x80",
    b"<math><msup><mi>x</mi>", b"<mfrac>", b"<mtable><mtr><mtd>", b"</mrow>", b"<mover><mi>x</mi><mo>&rarr;",
    b"</msup>", b"\xff", b"\xf0\x9f\x98", b"\xc2\xad", b"<div>" * 300, b"</div>" * 300, b"<font>" * 300, b"<a b=" * 100,
]  # fmt: skip


def damaged(originals: Sequence[bytes], draw: Random) -> bytes:
    """A piece of a page with one to twelve damages."""
    page = draw.choice(originals)
    start = draw.choice((0, draw.randrange(len(page) + 1)))
    data = bytearray(page[start : start + draw.choice((200, 2000, 8000, 60_000))])
    for _ in range(draw.randint(1, 12)):
        at, way = draw.randrange(len(data) + 1), draw.random()
        if way < 0.4:
            data[at:at] = draw.choice(_TOKENS)
        elif way < 0.55:
            del data[at : at + draw.randint(1, 40)]
        elif way < 0.7:
            data[at : at + 3] = draw.randbytes(3)
        elif way < 0.75:
            del data[at:]
        else:
            piece = draw.choice((data, draw.choice(originals)))
            begin = draw.randrange(len(piece) + 1)
            data[at:at] = piece[begin : begin + draw.randint(1, 400)] * draw.choice((1, 1, 1, 50))
    return bytes(data)


class Fuzzer:
    """Cases by a seed: the same numbers give the same pages."""

    def __init__(self, originals: Sequence[bytes], seed: int) -> None:
        self._originals, self._seed = originals, seed
        formats: tuple[dict[str, object], ...] = ({}, {"format": "markdown"}, {"list_bullets": False, "whole": False})
        self._stages = [ExtractStage("extract", ExtractConfig.model_validate(given)) for given in formats]
        for stage in self._stages:  # compiled once, not in every child
            stage.extract(b"<p>Some text, and <b>more</b> of it.", None)

    def page(self, case: int) -> bytes:
        """The page of a case."""
        return damaged(self._originals, Random(f"{self._seed} {case}"))

    def read(self, case: int) -> None:
        """Extract a case's page. Raises AssertionError where what is found can't be."""
        stage = self._stages[case % len(self._stages)]
        text, row = stage._extract(self.page(case), None)
        text.encode()
        assert "\0" not in text and row["characters"] == len(text)
        for name in ("kind_score", "kept_share", "confidence"):
            assert 0 <= row[name] <= 1 + 1e-6 and np.isfinite(row[name]), (name, row[name])

    def run(self, first: int, cases: int, seconds: float) -> tuple[int, list[tuple[int, str]]]:
        """Cases from `first` on, at most so many: how many were run, and number and trouble of those that failed."""
        return run_cases(self.read, first, cases, seconds, LIMIT_S, CASES_IN_A_CHILD)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, metavar="WARC", help="the pages that are damaged")
    parser.add_argument("--cases", type=int, default=1 << 60, help="at most")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    given = parser.parse_args()
    if given.minutes == float("inf") and given.cases == 1 << 60:
        parser.error("--cases or --minutes says when to end")
    originals = [payload for _, payload, _ in pages(given.input, 0) if payload]
    begun = time.monotonic()
    count, findings = Fuzzer(originals, given.seed).run(given.first, given.cases, given.minutes * 60)
    print(f"{count:,} cases of {len(originals)} pages in {time.monotonic() - begun:.0f} s, {len(findings)} findings")
    for case, trouble in findings[:20]:
        print(f"    case {case:,}: {trouble}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
