"""Train the model of main content: pages of web archives with the text that counts as their main content.

    pip install lightgbm
    python -m benchmarks.extract_train --input wcxb-dev.warc.gz --truth wcxb-dev-truth.jsonl.zst --output model.npz

Cross-validates by site first, so that no site is on both sides, and prints F1 by words over all pages and by kind.
`kind` and `confidence` are trained on what cross-validation found. Seeded, one thread: the same pages give the same
bytes. To leave out the pages whose truth lacks most of their text changed F1 by less than two seeds differ (0.002).
"""

import argparse
import hashlib
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from benchmarks.extract import main_content, page_kinds, pages, score, words
from benchmarks.extract_labels import label_blocks
from dspipe.kernels.html.block_features import FEATURES, describe_blocks
from dspipe.kernels.html.block_words import COUNT
from dspipe.kernels.html.forest import Forest
from dspipe.kernels.html.page_arrays import END, START, PageArrays
from dspipe.kernels.html.write_text import write_text
from dspipe.stages.extract.main_content import (
    KINDS,
    PAGE_COLUMNS,
    Described,
    Model,
    choose,
    describe_page,
    save_model,
)
from dspipe.stages.extract.stage import decode_page

SMALL = "small"
"""the kind of pages that are made of other pages' lines; they are trained on and not scored"""
FOLDS, BLOCK_TREES, KIND_TREES, CONFIDENCE_TREES = 5, 150, 40, 60
_COMMON: dict[str, Any] = {"num_threads": 1, "verbose": -1, "seed": 1, "deterministic": True, "max_bin": 63}
BLOCKS = {
    **_COMMON,
    "objective": "cross_entropy",
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "path_smooth": 5.0,
}
PAGES = {
    **_COMMON,
    "learning_rate": 0.06,
    "num_leaves": 6,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}
Floats = npt.NDArray[np.float64]


class Example(NamedTuple):
    """A page with its truth. rows: float32[blocks, FEATURES]; shares: float64[blocks], of the words in the truth."""

    url: str
    kind: str
    truth: "Counter[str]"
    arrays: PageArrays
    words: npt.NDArray[np.int32]
    rows: npt.NDArray[np.float32]
    shares: Floats


def read_examples(archives: Sequence[str], truths: Sequence[str]) -> list[Example]:
    """The pages of the archives whose main content is known."""
    wanted: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for path in truths:
        wanted |= main_content(path)
        kinds |= page_kinds(path)
    examples = []
    for url, payload, media_type in pages(archives, 0):
        if url in wanted:
            kind = kinds.get(url, KINDS[0])
            kind = kind if kind in KINDS else KINDS[0]
            examples.append(make_example(url, kind, decode_page(payload, media_type), wanted[url]))
            small = small_page(url, wanted[url])
            if small is not None:
                examples.append(make_example(url, SMALL, *small))
    return examples


def make_example(url: str, kind: str, page: str, truth: str) -> Example:
    """A page with the numbers and labels of its blocks."""
    arrays, block_words, sums = describe_page(np.frombuffer(page.encode(), np.uint8))
    count = len(arrays.blocks)
    rows = np.zeros((count, FEATURES), np.float32)
    describe_blocks(
        0, count, arrays.elements, arrays.blocks, block_words, sums, arrays.counts, arrays.types, np.zeros(6), rows
    )
    text = arrays.text.tobytes()
    texts = [text[b[START] : b[END]].decode("utf-8", "replace") for b in arrays.blocks]
    return Example(url, kind, words(truth), arrays, block_words, rows, label_blocks(texts, truth))


def small_page(url: str, truth: str) -> tuple[str, str] | None:
    """A page of some lines of a page's truth with little around them, and those lines; for every second page.

    Without such pages the model gives nothing for a page of a sentence or two, since large pages whose scripts would
    load the content have no more text than that.
    """
    seed = int.from_bytes(hashlib.sha256(url.encode()).digest()[:8], "little")
    lines = [line.strip() for line in truth.splitlines() if len(line.split()) >= 5]
    if seed % 2 or not lines:
        return None
    rng = random.Random(seed)
    first = rng.randrange(len(lines))
    chosen = lines[first : first + rng.randint(1, 4)]
    body = "".join(rng.choice(("<p>{}</p>", "<div>{}</div>", "{}<br><br>")).format(escape(line)) for line in chosen)
    body = rng.choice(("<article>{}</article>", "<main>{}</main>", "<div class=content>{}</div>", "{}")).format(body)
    if rng.random() < 0.4:
        body = "<nav><ul><li><a href=/>Home</a><li><a href=/about>About us</a></ul></nav>" + body
    if rng.random() < 0.4:
        body += "<footer><p>© 2024 <a href=/imprint>Imprint</a></footer>"
    return f"<html><head><title>{escape(chosen[0][:40])}</title></head><body>{body}</body></html>", "\n".join(chosen)


class Training:
    """The blocks of all pages in one table."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples
        sizes = [len(example.rows) for example in examples]
        self.ends = np.cumsum([0, *sizes])
        self.rows = np.vstack([example.rows for example in examples])
        self.shares = np.concatenate([example.shares for example in examples])
        self.page = np.repeat(np.arange(len(examples)), sizes)
        self.folds = np.array([_fold(example.url) for example in examples])
        count = np.concatenate([example.words[:, COUNT] for example in examples]).astype(float)
        # a word weighs as much as it does in its page's F1; capped, or pages with hardly a truth rule the model
        true = np.array([example.truth.total() for example in examples])
        total = np.maximum(np.maximum(true, 0.4 * np.bincount(self.page, count, len(examples))), 80)
        self.weights = np.where(count > 0, np.minimum(count / total[self.page], 0.4) * 300 + 0.15, 0.01)

    def fit(self, used: npt.NDArray[np.bool_]) -> Any:
        """LightGBM's model of some blocks (bool[blocks])."""
        import lightgbm

        data = lightgbm.Dataset(self.rows[used], self.shares[used], weight=self.weights[used])
        return lightgbm.train(BLOCKS, data, BLOCK_TREES)

    def cross_validate(self) -> Floats:
        """The probability of each block by a model that has seen no page of its site."""
        probability = np.zeros(len(self.rows))
        for fold in range(FOLDS):
            held_out = (self.folds == fold)[self.page]
            probability[held_out] = self.fit(~held_out).predict(self.rows[held_out], num_threads=1)
        return probability

    def described(self, page: int, probability: Floats) -> Described:
        """A page with given probabilities of its blocks."""
        example = self.examples[page]
        part = probability[self.ends[page] : self.ends[page + 1]]
        weights = example.words[:, COUNT].astype(np.float32)
        sums = np.concatenate([weights @ example.rows, (weights * part.astype(np.float32)) @ example.rows])
        return Described(example.arrays, part, example.words, sums.astype(np.float64))

    def score(self, probability: Floats, whole: bool) -> tuple[Floats, npt.NDArray[np.float32]]:
        """Precision, recall and F1 of each page (float64[pages, 3]), and its description (float32[pages, columns])."""
        results = np.zeros((len(self.examples), 3))
        described = np.zeros((len(self.examples), PAGE_COLUMNS), np.float32)
        for page, example in enumerate(self.examples):
            keep, row = choose(self.described(page, probability), whole)
            text = write_text(example.arrays.text, example.arrays.elements, example.arrays.blocks, keep, True, False)
            results[page] = score(words(text.tobytes().decode("utf-8", "replace")), example.truth)
            described[page] = row[0]
        return results, described


def _fold(url: str) -> int:
    site = ".".join((urlsplit(url).hostname or url).split(".")[-2:])
    return int(hashlib.md5(site.encode()).hexdigest(), 16) % FOLDS


def show(label: str, results: Floats, examples: list[Example]) -> None:
    """Print the means over all pages, and F1 by kind."""
    by_kind = defaultdict(list)
    for result, example in zip(results, examples, strict=True):
        by_kind[example.kind].append(result[2])
    precision, recall, f1 = results[[example.kind != SMALL for example in examples]].mean(0)
    kinds = "  ".join(f"{kind} {np.mean(values):.3f}" for kind, values in sorted(by_kind.items()))
    print(f"{label:32s} F1 {f1:.4f}  precision {precision:.4f}  recall {recall:.4f}  {kinds}", flush=True)


def flatten(booster: Any, stride: int = 1, offset: int = 0) -> Forest:
    """LightGBM's trees as arrays; of a model of several classes every `stride`-th from `offset` on."""
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    first_node, first_leaf = [0], [0]
    for tree in booster.dump_model()["tree_info"][offset::stride]:
        nodes: list[tuple[int, float, int, int]] = []
        leaves: list[float] = []
        if _walk(tree["tree_structure"], nodes, leaves) < 0:
            nodes.append((0, float("inf"), -1, -1))
        for node in nodes:
            feature.append(node[0])
            threshold.append(node[1])
            left.append(node[2])
            right.append(node[3])
        value += leaves
        first_node.append(len(feature))
        first_leaf.append(len(value))
    exact = np.array(threshold)
    rounded = exact.astype(np.float32)
    # rounded down, so that a float32 falls on the side that it fell on in training
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return Forest(
        np.array(feature, np.int16),
        rounded,
        np.array(left, np.int16),
        np.array(right, np.int16),
        np.array(value, np.float32),
        np.array(first_node, np.int32),
        np.array(first_leaf, np.int32),
    )


def _walk(node: dict[str, Any], nodes: list[tuple[int, float, int, int]], leaves: list[float]) -> int:
    if "split_feature" not in node:
        leaves.append(node["leaf_value"])
        return -len(leaves)
    at = len(nodes)
    nodes.append((0, 0.0, 0, 0))
    left, right = _walk(node["left_child"], nodes, leaves), _walk(node["right_child"], nodes, leaves)
    nodes[at] = (node["split_feature"], node["threshold"], left, right)
    return at


def train_pages(described: npt.NDArray[np.float32], results: Floats, training: Training) -> tuple[list[Forest], Forest]:
    """Models of a page's kind and of the F1 that it will have; prints how good they are on sites not seen."""
    import lightgbm

    real = np.array([example.kind != SMALL for example in training.examples])
    folds, described, results = training.folds[real], described[real], results[real]
    kinds = np.array([KINDS.index(example.kind) for example in training.examples if example.kind != SMALL])
    of_kind = {**PAGES, "objective": "multiclass", "num_class": len(KINDS)}
    of_f1 = {**PAGES, "objective": "regression"}
    found, expected = np.zeros(len(kinds), int), np.zeros(len(kinds))
    for fold in range(FOLDS):
        seen, held_out = folds != fold, folds == fold
        model = lightgbm.train(of_kind, lightgbm.Dataset(described[seen], kinds[seen]), KIND_TREES)
        found[held_out] = np.asarray(model.predict(described[held_out], num_threads=1)).argmax(1)
        model = lightgbm.train(of_f1, lightgbm.Dataset(described[seen], results[seen, 2]), CONFIDENCE_TREES)
        expected[held_out] = np.clip(model.predict(described[held_out], num_threads=1), 0, 1)
    print(f"kind right on {(found == kinds).mean():.3f} of the pages")
    print(f"confidence: mean error {np.abs(expected - results[:, 2]).mean():.3f}; by confidence the F1 found:")
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1.01)):
        inside = (expected >= low) & (expected < high)
        if inside.any():
            print(f"  {expected[inside].mean():.2f}: {results[inside, 2].mean():.2f} ({inside.sum()} pages)")
    kind_model = lightgbm.train(of_kind, lightgbm.Dataset(described, kinds), KIND_TREES)
    f1_model = lightgbm.train(of_f1, lightgbm.Dataset(described, results[:, 2]), CONFIDENCE_TREES)
    return [flatten(kind_model, len(KINDS), k) for k in range(len(KINDS))], flatten(f1_model)


def main() -> None:
    """Cross-validate, train on all, write the model."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--input", nargs="+", required=True, help="web archives")
    options.add_argument("--truth", nargs="+", required=True, help="true main content by URL (.jsonl, .jsonl.zst)")
    options.add_argument("--output", type=Path, required=True, help="the model (.npz)")
    given = options.parse_args()
    train(Training(read_examples(given.input, given.truth)), given.output)


def train(training: Training, output: Path) -> None:
    """Cross-validate, train on all pages, write the model."""
    print(f"{len(training.examples)} pages, {len(training.rows)} blocks")
    show("perfect choice of blocks", training.score(training.shares, False)[0], training.examples)
    probability = training.cross_validate()
    show("cross-validated", training.score(probability, False)[0], training.examples)
    results, described = training.score(probability, True)
    show("  titles, tables, code whole", results, training.examples)
    kinds, confidence = train_pages(described, results, training)
    save_model(Model(flatten(training.fit(np.ones(len(training.rows), bool))), tuple(kinds), confidence), output)
    print(f"{output}: {output.stat().st_size:,} bytes, crc32 {zlib.crc32(output.read_bytes()):08x}")


if __name__ == "__main__":
    main()
