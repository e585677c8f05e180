"""MinHash signatures: MB of text per CPU second, and the error of the similarities that they estimate.

    python -m benchmarks.minhash --input A.jsonl.zst

From the texts in memory (an Arrow column here, Python strings for the peers) to signatures of 112 permutations over
shingles of five words; each contestant in a process of its own. Peers that only hash tokens are given the words that
`str.lower` and a regular expression find, as their users do. datatrove splits words with its own tokenizer.

The error is measured on pairs made for it: texts of made-up words, of which between a tenth and all shingles are
shared, whose exact Jaccard similarity every splitting into words agrees on. `theory` is the mean absolute error of a
binomial estimate with 112 trials.
"""

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

PERMUTATIONS = 112
SHINGLE = 5
PAIRS = 400
_WORD = re.compile(r"\w+")


def _word(number: int) -> str:
    # of consonants alone: some tokenizers split, lemmatize or mask numbers and real words
    letters = ""
    for _ in range(6):
        number, letter = divmod(number, 16)
        letters += "bcdfghjklmnpqrst"[letter]
    return f"z{letters}"


def pairs() -> tuple[list[str], list[str], list[float]]:
    """The texts of pairs, 300 words each, and their exact similarities."""
    left, right, exact = [], [], []
    choose = random.Random(1)
    for n in range(PAIRS):
        words = [_word(300 * n + place) for place in range(300)]
        other = list(words)
        for place in choose.sample(range(300), choose.randrange(0, 60)):
            other[place] = _word(300 * PAIRS + place)
        one, two = (set(zip(*(w[k:] for k in range(SHINGLE)), strict=False)) for w in (words, other))
        left.append(" ".join(words))
        right.append(" ".join(other))
        exact.append(len(one & two) / len(one | two))
    return left, right, exact


def race(
    measure: Measure, paths: Sequence[str], mb: float, sign: Callable[[Any], Any], load: Callable[[list[str]], Any]
) -> Result:
    """Time `sign` on what `load` makes of the texts, then estimate the pairs with it."""
    import numpy as np

    texts = read_texts(paths, mb)
    size = sum(len(text.encode()) for text in texts)
    loaded = load(texts)
    left, right, similarities = pairs()
    one, two = (np.array(sign(load(side))).reshape(PAIRS, -1) for side in (left, right))
    exact = np.array(similarities)
    error = np.abs((one == two).mean(axis=1) - exact).mean()
    measure(lambda: sign(loaded))
    theory = np.sqrt(2 / np.pi * exact * (1 - exact) / PERMUTATIONS).mean()
    speed = size / 1e6 / measure.cpu_s
    return {"mb": size / 1e6, "mb_s": speed, "mean_abs_error": float(error), "theory": float(theory)}


def dspipe(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """This project's kernel."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.dedup.minhash import signatures

    def load(texts: list[str]) -> Any:
        return text_buffers(pa.array(texts, pa.large_string()))

    return race(measure, paths, mb, lambda column: signatures(column[0], column[1], SHINGLE, PERMUTATIONS)[0], load)


def shingles(text: str) -> list[str]:
    """The text's shingles as strings."""
    words = _WORD.findall(text.lower())
    return [" ".join(words[place : place + SHINGLE]) for place in range(max(1, len(words) - SHINGLE + 1))]


def datasketch(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """datasketch.MinHash with update_batch."""
    import numpy as np
    from datasketch import MinHash

    def sign(texts: list[str]) -> Any:
        made = []
        for text in texts:
            sketch = MinHash(num_perm=PERMUTATIONS)
            sketch.update_batch([shingle.encode() for shingle in shingles(text)])
            made.append(sketch.hashvalues)
        return np.array(made)

    return race(measure, paths, mb, sign, list)


def rensa(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """rensa.RMinHash."""
    from rensa import RMinHash

    def sign(texts: list[str]) -> Any:
        made = []
        for text in texts:
            sketch = RMinHash(PERMUTATIONS, 1)
            sketch.update(shingles(text))
            made.append(sketch.digest())
        return made

    return race(measure, paths, mb, sign, list)


def datatrove(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """datatrove's MinhashDedupSignature, without its files."""
    import tempfile

    import xxhash
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    step = MinhashDedupSignature(
        tempfile.gettempdir(), MinhashConfig(n_grams=SHINGLE, num_buckets=14, hashes_per_bucket=8)
    )

    # datatrove 0.10 hands strings to xxhash, which takes only bytes since version 4
    step._hash_func = lambda shingle: xxhash.xxh64_intdigest(shingle.encode())

    def sign(texts: list[str]) -> Any:
        made = []
        for text in texts:
            found = step.get_shingles(text)
            made.append(step.get_signature(found) if len(found) else None)
        return made

    return race(measure, paths, mb, sign, list)


def main() -> None:
    """Run the contestants one after the other."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--peer-mb", type=float, default=4, help="the peers get at most this many MB")
    options.add_argument("--datatrove-mb", type=float, default=1, help="datatrove gets at most this many MB")
    given = options.parse_args()
    run = partial(contest, options=given)
    result: Result = {"dspipe": run("benchmarks.minhash:dspipe", mb=given.mb)}
    for name, mb in (("datasketch", given.peer_mb), ("rensa", given.peer_mb), ("datatrove", given.datatrove_mb)):
        result[name] = run(f"benchmarks.minhash:{name}", python=given.peer_python, mb=mb)
        if "mb_s" in result[name]:
            result[name]["times_faster"] = result["dspipe"]["mb_s"] / result[name]["mb_s"]
    columns = ("mb", "mb_s", "times_faster", "mean_abs_error", "theory", "peak_mb")
    report(given, result, columns, f"{PERMUTATIONS} permutations, shingles of {SHINGLE} words, MB per CPU second")


if __name__ == "__main__":
    main()
