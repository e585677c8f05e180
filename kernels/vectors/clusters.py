"""Which of a set of centers a vector is nearest to, by the cosine around the mean of all vectors.

A vector v (int8, any scale) stands for v / |v|; the mean of a corpus is taken off first, as what all texts share (their
frequent words) says nothing of a text. Products of vectors and centers are sums of integers, which no order of adding
changes: the same bytes on every machine, however the compiler vectorizes.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry, jit
from dspipe.kernels.vectors.embed import Vectors

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Fixed = npt.NDArray[np.int16]
"""numbers from -1 to 1 in steps of 1 / ONE. By Cauchy and Schwarz a product of a vector (|v| <= 127 sqrt(1024)) and one
of length 1 stays below 2^27, and so do the sums on the way to it"""

ONE = 32767


class Centers(NamedTuple):
    """mean: int16[places]; centers: int16[centers, places], of length 1 around it."""

    mean: Fixed
    centers: Fixed


def fixed(values: Float64) -> Fixed:
    """Numbers from -1 to 1 as integers."""
    rounded: Fixed = np.rint(values * ONE).astype(np.int16)
    return rounded


def nearest(vectors: Vectors, centers: Centers) -> tuple[Int32, Float64]:
    """(number of the nearest center, the first of equals; 1 - cosine to it, 0 to 2) of each vector; there is a center,
    and no vector is all zeros."""
    found, distances = np.empty(len(vectors), np.int32), np.empty(len(vectors), np.float64)
    _nearest(np.ascontiguousarray(vectors), centers.mean, centers.centers, _biases(centers), found, distances)
    return found, distances


def around_mean(vectors: Vectors, mean: Fixed) -> Float64:
    """float64[vectors, places]: the vectors less the mean, with length 1 (one that is the mean is zeros)."""
    result = np.empty(vectors.shape, np.float64)
    _around_mean(np.ascontiguousarray(vectors), mean, result)
    return result


def _biases(centers: Centers) -> Float64:
    biases: Float64 = (centers.centers.astype(np.int64) @ centers.mean.astype(np.int64)).astype(np.float64) / ONE**2
    return biases


@jit
def dot(one, other):  # type: ignore[no-untyped-def]
    """The sum of products of int16 arrays: int32."""
    total = np.int32(0)
    for k in range(len(one)):
        total += np.int32(one[k]) * np.int32(other[k])
    return total


@entry("found", "distances")
def _nearest(vectors, mean, centers, biases, found, distances):  # type: ignore[no-untyped-def]
    places = vectors.shape[1]
    wide = np.empty(places, np.int16)
    mean_square = 0.0
    for k in range(places):
        mean_square += float(mean[k]) * float(mean[k])
    mean_square /= float(ONE) * float(ONE)
    for row in range(len(vectors)):
        for k in range(places):
            wide[k] = vectors[row, k]
        scale = 1.0 / (math.sqrt(float(dot(wide, wide))) * float(ONE))
        with_mean = float(dot(wide, mean)) * scale
        length = math.sqrt(max(1e-12, 1.0 - 2.0 * with_mean + mean_square))
        best, at = -1e9, 0
        for center in range(len(centers)):
            cosine = float(dot(wide, centers[center])) * scale - biases[center]
            if cosine > best:
                best, at = cosine, center
        found[row] = at
        distances[row] = min(2.0, max(0.0, 1.0 - best / length))


@entry("result")
def _around_mean(vectors, mean, result):  # type: ignore[no-untyped-def]
    places = vectors.shape[1]
    for row in range(len(vectors)):
        square = 0.0
        for k in range(places):
            square += float(vectors[row, k]) * float(vectors[row, k])
        scale, rest = 1.0 / math.sqrt(square), 0.0
        for k in range(places):
            value = float(vectors[row, k]) * scale - float(mean[k]) / float(ONE)
            result[row, k] = value
            rest += value * value
        scale = 1.0 / math.sqrt(rest) if rest > 1e-12 else 0.0
        for k in range(places):
            result[row, k] *= scale
