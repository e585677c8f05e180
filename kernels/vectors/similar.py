"""Which of a group's vectors resemble an earlier one: kept vectors are pairwise less alike than a threshold.

Vectors are taken in their order; one is a duplicate if its cosine to one that was kept before is at least the
threshold. So each duplicate has a kept one that it resembles, and no two kept ones resemble each other. SemDeDup (Abbas
et al. 2023, "SemDeDup: Data-efficient learning at web-scale through semantic deduplication") drops by any earlier
vector, kept or not, which may leave a dropped one without a kept twin.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry
from dspipe.kernels.vectors.clusters import dot
from dspipe.kernels.vectors.embed import Vectors

Int64 = npt.NDArray[np.int64]


def find_similar(vectors: Vectors, begins: Int64, threshold: float) -> Int64:
    """For each vector the number of the first kept one of its group that it resembles, its own where it is kept.

    Group g is vectors[begins[g] : begins[g + 1]]; no vector is zeros. Time: vectors times kept ones of each group."""
    same_as = np.empty(len(vectors), np.int64)
    largest = int(np.diff(begins).max()) if len(begins) > 1 else 0
    kept = np.empty((largest, vectors.shape[1]), np.int16)
    _find_similar(np.ascontiguousarray(vectors), begins, float(threshold), kept, same_as)
    return same_as


@entry("kept", "same_as")
def _find_similar(vectors, begins, threshold, kept, same_as):  # type: ignore[no-untyped-def]
    places = vectors.shape[1]
    numbers, squares = np.empty(len(kept), np.int64), np.empty(len(kept), np.float64)
    wide = np.empty(places, np.int16)
    for group in range(len(begins) - 1):
        count = 0
        for row in range(begins[group], begins[group + 1]):
            for k in range(places):
                wide[k] = vectors[row, k]
            square = float(dot(wide, wide))
            same_as[row] = row
            for other in range(count):
                product = float(dot(wide, kept[other]))
                # squares of integers are exact here: copies have a cosine of 1
                if product > 0.0 and product * product >= threshold * threshold * (square * squares[other]):
                    same_as[row] = numbers[other]
                    break
            if same_as[row] == row:
                kept[count] = wide
                numbers[count], squares[count] = row, square
                count += 1
