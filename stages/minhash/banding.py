"""The settings of `minhash`, and the bands, rows and threshold that follow from them."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.dedup.stage_base import DedupConfig

WEIGHTS = (0.1, 0.9)
"""what datasketch weighs false positives and false negatives of the bands with: a candidate too many costs one
comparison of signatures, one too few is a duplicate that stays"""

DEVIATIONS = 4
"""standard deviations by which an estimate may fall short of what is asked for, where it only proposes a pair that is
then decided by its texts: one in 30,000 pairs is lost"""
CONTAINED_ROWS = 3
"""rows of the bands that propose pairs of which one may be inside the other. A page that is twice as long as the one
inside it has a Jaccard similarity of a half to it: of such pairs bands of 8 rows find 5 %, of 4 rows 83 %, of 3 rows
99 %, as 112 permutations have 14, 28 and 37 of them"""


class MinhashConfig(DedupConfig):
    """Settings of `minhash`."""

    shingle: Annotated[int, Field(ge=1, le=64)] = 5
    """Units (words, or characters of scripts without spaces) in a shingle."""
    bands: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Bands that a signature is cut into; documents that agree in a whole band are candidates. See `rows`."""
    rows: Annotated[int, Field(ge=1, le=64)] | None = None
    """Bands and rows of a band: documents of similarity s become candidates with probability 1 - (1 - s^rows)^bands.
    Default 14 and 8 (FineWeb, Penedo et al. 2024), or with `threshold` those that datasketch finds best for it."""
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least similarity of a document to its kept copy. Default: where the curve of the bands is steepest,
    (1 / bands)^(1 / rows), 0.72 for 14 and 8."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far below `threshold` the similarity that signatures estimate may be. Without it half of the documents that
    are just as alike as the threshold asks stay; with a standard error (0.04 for 0.7 and 128 permutations) a sixth do,
    and some go that are a little less alike: measured by `benchmarks/dedup_quality.py`."""
    verify: Literal["signature", "exact"] = "signature"
    """What decides about a document and the kept copy in whose place it is dropped: how far their signatures agree, or
    `exact`, the sets of their shingles. Signatures then only propose, and the texts of the documents proposed are read
    once more. (Copies in earlier runs, `against`, are always compared by signatures: their texts aren't read.)"""
    containment: Annotated[float, Field(gt=0, le=1)] | None = None
    """With `verify: exact`: drop a document too of whose shingles at least this share is in a kept one, such as a page
    to which another only adds a footer. Copies with more shingles are then kept before others, and `keep` decides among
    those with equally many. Default: never."""
    symbols: bool = False
    """Compare operators and punctuation too, each as a unit of its own. Without it `a + b` and `a - b` are the same.
    Switch it on for code and mathematics."""
    permutations: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Length of signatures: their similarity has a standard error of sqrt(s (1 - s) / permutations). Default:
    bands * rows, or 128 with a threshold alone."""


@dataclass(frozen=True)
class Banding:
    """How signatures are cut into bands, and how much of two must agree to make their documents near-duplicates."""

    bands: int
    rows: int
    permutations: int
    threshold: float
    """the smallest similarity of a document to its kept copy"""
    margin: float
    """what its estimate may lack"""

    @property
    def shape(self) -> tuple[int, int]:
        """(bands, rows)."""
        return self.bands, self.rows

    @property
    def min_agreement(self) -> int:
        """How many numbers of two signatures must agree."""
        return max(1, math.ceil((self.threshold - self.margin) * self.permutations - 1e-9))

    @property
    def min_agreement_to_propose(self) -> int:
        """How many must agree for a pair that is decided by its texts."""
        variance = self.threshold * (1 - self.threshold) * self.permutations
        return max(1, math.floor(self.threshold * self.permutations - DEVIATIONS * math.sqrt(variance)))


def banding_of(config: MinhashConfig) -> Banding:
    """What a config's numbers mean. Raises ConfigError."""
    if (config.bands is None) != (config.rows is None):
        raise ConfigError("`bands` and `rows` go together", ("rows" if config.rows is None else "bands",))
    bands, rows, permutations = config.bands, config.rows, config.permutations
    if bands is None or rows is None:
        bands, rows = (14, 8) if config.threshold is None else _best(config.threshold, permutations or 128)
        permutations = permutations or (14 * 8 if config.threshold is None else 128)
    permutations = permutations or bands * rows
    if bands * rows > permutations:
        message = f"{bands} bands of {rows} rows need {bands * rows} permutations, there are {permutations}"
        raise ConfigError(message, ("permutations",))
    threshold = (1 / bands) ** (1 / rows) if config.threshold is None else config.threshold
    return Banding(bands, rows, permutations, threshold, config.margin)


def _best(threshold: float, permutations: int) -> tuple[int, int]:
    if permutations < 2:
        raise ConfigError("a threshold alone needs at least 2 permutations", ("permutations",))
    from datasketch import MinHashLSH

    try:
        lsh = MinHashLSH(threshold=threshold, num_perm=permutations, weights=WEIGHTS)
    except ValueError:  # it finds one band best, and takes no fewer than two
        message = f"no two bands of {permutations} numbers find pairs as alike as {threshold:g}; give bands and rows"
        raise ConfigError(message, ("threshold",)) from None
    return lsh.b, lsh.r
