"""The kernels of near-duplicate removal called on little: to compile them, and to see what keys they give."""

import hashlib

import numpy as np
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.components import components
from dspipe.kernels.dedup.exact_pairs import exact_leaders, find_exact_company
from dspipe.kernels.dedup.minhash import band_keys, signatures
from dspipe.kernels.dedup.near_pairs import (
    agreements,
    candidate_pairs,
    find_company,
    hot_in_window,
    leaders,
    may_be_contained,
)
from dspipe.kernels.dedup.shingle_sets import set_hashes, shingle_sets
from dspipe.stages.minhash.banding import Banding
from dspipe.stages.shared.dedup import index_check


def compile_kernels(banding: Banding) -> None:
    """Compile what the phases call."""
    signed = np.zeros((3, banding.permutations), np.uint32)
    keys, rows = band_keys(signed, *banding.shape), np.arange(3, dtype=np.uint32)
    hot_in_window(keys, rows, 2)
    members, representatives, _ = candidate_pairs(keys[:, 0].copy(), rows.astype(np.uint64), 1)
    components(members, representatives)
    order = np.arange(3)
    agreements(signed, order, order)
    groups = np.array([0, 3])
    keepers, equal = leaders(signed, order, groups, banding.min_agreement)
    find_company(signed, order, groups, banding.min_agreement, np.zeros(3, bool), keepers, equal)


def compile_exact_kernels(banding: Banding, symbols: bool) -> None:
    """Compile what the phases call that read texts."""
    order = np.arange(3)
    sets = shingle_sets(*text_buffers(pa.array(["a", "b", "c"], pa.large_string())), order, 5, symbols)
    set_hashes(sets)
    groups, keepers, shares = np.array([0, 3]), np.empty(3, np.int64), np.empty(3, np.float32)
    exact_leaders(*sets, order, groups, banding.threshold, 0.0, keepers, shares, np.empty(3, np.uint8))
    find_exact_company(*sets, order, groups, banding.threshold, np.zeros(3, bool), keepers, shares)
    may_be_contained(np.zeros((3, banding.permutations), np.uint32), order, order, 0.9, 1.0)


def keys_fingerprint(shingle: int, symbols: bool, banding: Banding) -> str:
    """A hash of the band keys and signatures of texts with all characters: other code with the same is as good."""
    signed, _ = signatures(*text_buffers(index_check.sample_texts()), shingle, banding.permutations, symbols=symbols)
    return hashlib.sha256(signed.tobytes() + band_keys(signed, *banding.shape).tobytes()).hexdigest()
