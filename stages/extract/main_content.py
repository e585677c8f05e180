"""The main content of a page: scanned, described block by block, chosen by a model, written as text.

The model is `model.npz` beside this file, made by `python -m benchmarks.extract_train`; what it was trained on, and how
good it is, says `model.md`.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes
from dspipe.kernels.html.block_features import FEATURE_GROUPS, FEATURES, describe_blocks
from dspipe.kernels.html.block_words import COUNT, FUNCTION_WORDS, WORD_COLUMNS, count_words
from dspipe.kernels.html.choose_blocks import choose_blocks
from dspipe.kernels.html.class_words import CLASS_WORD_GROUPS
from dspipe.kernels.html.drop_copies import drop_copies
from dspipe.kernels.html.drop_tail import drop_hidden, drop_tail
from dspipe.kernels.html.forest import Forest, score_rows
from dspipe.kernels.html.page_arrays import END, START, PageArrays
from dspipe.kernels.html.page_scan import scan_page
from dspipe.kernels.html.page_sums import PageSums, sum_page
from dspipe.kernels.html.tags import NAMES, PAGE_TYPES
from dspipe.kernels.html.write_text import find_code, write_text

MODEL = Path(__file__).with_name("model.npz")
KINDS = ("article", "collection", "documentation", "forum", "listing", "product", "service")
"""Kinds of page that the model tells apart (the types of the Web Content Extraction Benchmark)."""
PAGE_COLUMNS = 2 * FEATURES + 4
_PROBE = """<title>t</title><script type="application/ld+json">{"@type": "Article"}</script>
<body><header><nav class=menu role=navigation><a href=/>Home</a><ul><li>One<li>Two</ul></nav></header>
<main><article itemprop=articleBody><h1 class=title>How it is, and why</h1><p>The first of two paragraphs that are long
enough to be taken for such, with <b>bold</b> and <a href=x>linked</a> words; it costs $5.</p><h2>中文</h2>
<p>这是一段中文，为了测试而写的。它有几个句子！</p><p>Это не так, и что из того?<br>Ja, das ist so: ©</p>
<table><tr><th>a<td>1</table><pre>code()</pre><noscript>hidden</noscript></article>
<aside class="related share">More<img></aside></main>
<form><input><label>Name</label></form><footer>© 2024 <a href=/imprint>Imprint</a></footer>"""
_AT_ONCE = 4096
"""Blocks described at a time: 3.8 MB of features."""


class Model(NamedTuple):
    """blocks: the log odds of a block to be main content; kinds: a forest for each kind, whose sums' softmax is its
    share; confidence: the F1 by words that a page's text is expected to have."""

    blocks: Forest
    kinds: tuple[Forest, ...]
    confidence: Forest


class Page(NamedTuple):
    """What was found on a page. kept_share: of the page's words; confidence: expected F1 of the choice, 0 to 1."""

    arrays: PageArrays
    keep: npt.NDArray[np.bool_]
    kept_share: float
    confidence: float
    kind: str
    kind_score: float

    def text(self, bullets: bool = True, markdown: bool = False) -> str:
        """What is kept, as text or Markdown."""
        written: Bytes = write_text(
            self.arrays.text, self.arrays.elements, self.arrays.blocks, self.keep, bullets, markdown
        )
        return written.tobytes().decode("utf-8", "replace")

    def code_lines(self) -> set[str]:
        """The lines of kept code that have a letter or digit."""
        is_code = find_code(self.arrays.elements, self.arrays.blocks, self.keep)
        spans = self.arrays.blocks[is_code, START : END + 1]
        code = b"\n".join(self.arrays.text[start:end].tobytes() for start, end in spans).decode("utf-8", "replace")
        return {line for line in code.split("\n") if any(map(str.isalnum, line))}


class Described(NamedTuple):
    """A page's blocks, not yet chosen. probability: float64[blocks]; words: int32[blocks, WORD_COLUMNS]; sums:
    float64[2 * FEATURES], of the features of all blocks and of those of the probable ones, by words."""

    arrays: PageArrays
    probability: npt.NDArray[np.float64]
    words: npt.NDArray[np.int32]
    sums: npt.NDArray[np.float64]


def feature_digest() -> str:
    """What the numbers that describe a block mean: the tags, groups of words and features by their places."""
    meaning = repr((NAMES, CLASS_WORD_GROUPS, FEATURE_GROUPS, FUNCTION_WORDS, PAGE_TYPES, KINDS))
    return hashlib.sha256(meaning.encode()).hexdigest()[:16]


def probe_digest() -> str:
    """The numbers themselves, of a page with something of everything: other ones need a model that is trained anew."""
    arrays, words, sums = describe_page(np.frombuffer(_PROBE.encode(), np.uint8))
    rows, before = np.zeros((len(arrays.blocks), FEATURES), np.float32), np.zeros(6)
    describe_blocks(
        0, len(rows), arrays.elements, arrays.blocks, words, sums, arrays.counts, arrays.types, before, rows
    )
    return hashlib.sha256(np.round(rows * 1000).astype(np.int32).tobytes()).hexdigest()[:16]


@lru_cache(2)
def load_model(path: Path = MODEL) -> Model:
    """The model in a file that `save_model` wrote. Raises ValueError where it was trained on other features."""
    with np.load(path) as stored:
        if str(stored["features"]) != feature_digest():
            raise ValueError(f"{path} was trained on other features than this version makes")

        def forest(name: str) -> Forest:
            return Forest(*(stored[f"{name}.{field}"] for field in Forest._fields))

        return Model(forest("blocks"), tuple(forest(f"kind.{kind}") for kind in KINDS), forest("confidence"))


def save_model(model: Model, path: Path) -> None:
    """Write a model: the same bytes for the same trees."""
    forests = {"blocks": model.blocks, "confidence": model.confidence}
    forests |= {f"kind.{kind}": forest for kind, forest in zip(KINDS, model.kinds, strict=True)}
    arrays = {f"{name}.{field}": getattr(forest, field) for name, forest in forests.items() for field in forest._fields}
    np.savez_compressed(path, features=np.array(feature_digest()), probe=np.array(probe_digest()), **arrays)


def describe_page(page: Bytes) -> tuple[PageArrays, npt.NDArray[np.int32], PageSums]:
    """A page in UTF-8 (uint8) as arrays, the words of its blocks, and its sums. Raises TooManyElementsError."""
    arrays = scan_page(page)
    count = len(arrays.blocks)
    words, hashes = np.zeros((count, WORD_COLUMNS), np.int32), np.zeros(count, np.int64)
    count_words(arrays.text, arrays.blocks, words, hashes)
    return arrays, words, PageSums(*sum_page(arrays.elements, arrays.blocks, arrays.words, words, hashes))


def rate_blocks(page: Bytes, model: Forest) -> Described:
    """The probability of each block of a page to be main content."""
    arrays, words, page_sums = describe_page(page)
    count = len(arrays.blocks)
    probability, sums = np.zeros(count), np.zeros(2 * FEATURES)
    rows, before = np.zeros((min(count, _AT_ONCE), FEATURES), np.float32), np.zeros(6)
    for first in range(0, count, _AT_ONCE):
        last = min(first + _AT_ONCE, count)
        describe_blocks(
            first,
            last,
            arrays.elements,
            arrays.blocks,
            words,
            page_sums,
            arrays.counts,
            arrays.types,
            before,
            rows,
        )
        part = 1 / (1 + np.exp(-score_rows(rows, last - first, model)))
        probability[first:last] = part
        weights = words[first:last, COUNT].astype(np.float32)
        sums[:FEATURES] += weights @ rows[: last - first]
        sums[FEATURES:] += (weights * part.astype(np.float32)) @ rows[: last - first]
    return Described(arrays, probability, words, sums)


def choose(described: Described, whole: bool = True) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Which blocks are kept, and the numbers that describe the page as a whole (float32[1, PAGE_COLUMNS])."""
    arrays, counts = described.arrays, np.ascontiguousarray(described.words[:, COUNT])
    keep, expected = choose_blocks(described.probability, counts, arrays.elements, arrays.blocks, whole)
    drop_hidden(arrays.elements, arrays.blocks, counts, keep)
    drop_tail(arrays.blocks, counts, keep)
    drop_copies(arrays.text, arrays.elements, arrays.blocks, counts, keep)
    total, probable = float(counts.sum()), float(counts @ described.probability)
    row = np.empty((1, PAGE_COLUMNS), np.float32)
    row[0, :FEATURES] = described.sums[:FEATURES] / max(total, 1.0)
    row[0, FEATURES:-4] = described.sums[FEATURES:] / max(probable, 1e-3)
    row[0, -4:] = expected, probable / max(total, 1.0), np.log1p(probable), counts[keep].sum() / max(total, 1.0)
    return keep, row


def find_main_content(page: Bytes, model: Model | None = None, whole: bool = True) -> Page:
    """The main content of a page in UTF-8 (uint8). `whole`: keep titles, tables and code with what they belong to.
    Raises TooManyElementsError."""
    model = model or load_model()
    described = rate_blocks(page, model.blocks)
    keep, row = choose(described, whole)
    sums = np.array([score_rows(row, 1, forest)[0] for forest in model.kinds])
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    confidence = float(np.clip(score_rows(row, 1, model.confidence)[0], 0, 1)) if keep.any() else 0.0
    return Page(described.arrays, keep, float(row[0, -1]), confidence, KINDS[best], float(shares[best]))
