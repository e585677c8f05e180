"""Sentences of real texts by language, from which the main text of made pages is put together."""

import gzip
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

import numpy as np
import numpy.typing as npt
import zstandard

_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])")
_HAN = re.compile(r"[\u3400-\u9fff]")
_UNSPACED = {"zh", "ja", "th", "lzh", "yue"}
MOST = 200_000
"""sentences of a language"""
FEWEST = 5000
"""a language with fewer is left out: its pages would be too much alike"""


@dataclass(frozen=True)
class Pool:
    """The sentences of a language, as HTML. units: words, or characters where words aren't spaced, int32."""

    language: str
    sentences: list[str]
    units: npt.NDArray[np.int32]

    @property
    def spaced(self) -> bool:
        """Whether spaces stand between words, and so between sentences."""
        return self.language not in _UNSPACED


def split_sentences(text: str) -> Iterator[str]:
    """The sentences of a text that are long enough to be told from others, no longer than a paragraph, and no code."""
    for line in text.splitlines():
        for part in _END.split(line):
            sentence = " ".join(part.split())
            letters = sum(map(str.isalpha, sentence))
            lowest = 8 if _HAN.search(sentence) else 25
            if lowest <= len(sentence) <= 600 and letters > 0.6 * len(sentence) and "{" not in sentence:
                yield sentence


def read_texts(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Language and text of every document of JSONL files (.jsonl, .jsonl.gz, .jsonl.zst) with `text` and `lang`."""
    for path in paths:
        with _open(path) as lines:
            for line in lines:
                document = json.loads(line)
                yield str(document.get("lang") or document.get("language") or ""), str(document.get("text") or "")


def _open(path: Path) -> TextIO:
    if path.suffix == ".zst":
        return cast(TextIO, zstandard.open(path, "rt", encoding="utf-8"))
    return (
        cast(TextIO, gzip.open(path, "rt", encoding="utf-8")) if path.suffix == ".gz" else path.open(encoding="utf-8")
    )


def make_pools(texts: Iterable[tuple[str, str]]) -> dict[str, Pool]:
    """Pools by language code, each sentence once. Texts whose language isn't named as a code are left out."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for language, text in texts:
        code = language.split("-")[0].split("_")[0].lower()
        if not re.fullmatch(r"[a-z]{2,3}", code) or len(found[code]) >= MOST:
            continue
        found[code].update(dict.fromkeys(split_sentences(text)))
    return {code: _pool(code, list(lines)) for code, lines in sorted(found.items()) if len(lines) >= FEWEST}


def _pool(language: str, sentences: list[str]) -> Pool:
    spaced = language not in _UNSPACED
    units = np.array([len(s.split()) if spaced else len(s) for s in sentences], np.int32)
    return Pool(language, [html.escape(s, quote=False) for s in sentences], units)
