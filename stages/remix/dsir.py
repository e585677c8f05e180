"""Importance towards a target: which documents look most like the examples of it (DSIR; Xie et al. 2023).

Target and corpus are each a bag of hashed n-grams (`kernels.dedup.importance`). A document's log weight is the sum,
over its n-grams, of log p_target - log p_corpus. Documents are taken in the order of log weight plus Gumbel noise, the
largest first: that is sampling without replacement in proportion to the weights (section 3.1 there; Vieira 2014).

Logarithms are kept in fixed point and added as integers, so that no order of summation changes a draw.
"""

import numpy as np
import numpy.typing as npt

SCALE = 1 << 20
"""Fixed point: units of a millionth."""

UNSEEN = 1e-8
"""The probability of a bucket that does not occur. Adding one to each count instead would, with few examples, make the
target nearly even over buckets, and any rare word count for more than a word of the target."""

BINS = 1 << 16
"""Bins of a domain's positions, which here aren't even in documents: the first 16 bits of an order that floats have. A
bin is less than 1 % wide in log weight."""


def log_ratios(target: npt.NDArray[np.int64], corpus: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each bucket log p_target - log p_corpus in fixed point; `UNSEEN` is added to all probabilities."""
    parts = [np.log(counts / max(1, int(counts.sum())) + UNSEEN) for counts in (target, corpus)]
    ratios: npt.NDArray[np.int64] = np.rint((parts[0] - parts[1]) * SCALE).astype(np.int64)
    return ratios


def importance_positions(hashes: npt.NDArray[np.uint64], log_weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The position in 0..1 of documents in their domains, smallest for the largest log weight plus noise.

    `hashes` are those of (seed, id), from which the noise comes; `log_weights` are in fixed point.
    """
    even = ((hashes >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    noise = np.rint(-np.log(-np.log(even)) * SCALE) / SCALE
    order = (-(log_weights / SCALE + noise)).astype(np.float32)
    # a float's bits in the order of its value: all turned for negative ones, the sign alone for the others
    bits = order.view(np.uint32)
    bits = np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))
    positions: npt.NDArray[np.float64] = bits.astype(np.float64) * 2.0**-32
    return positions
