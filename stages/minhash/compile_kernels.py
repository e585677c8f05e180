"""The kernels of near-duplicate removal called on little: to compile them, and to see what keys they give."""

import hashlib

import numpy as np

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.components import components
from dspipe.kernels.dedup.minhash import band_keys, signatures
from dspipe.kernels.dedup.near_pairs import agreements, candidate_pairs, hot_in_window, leaders
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
    leaders(signed, order, np.array([0, 3]), banding.min_agreement)


def keys_fingerprint(shingle: int, banding: Banding) -> str:
    """A hash of the band keys and signatures of texts with all characters: other code with the same is as good."""
    signed, _ = signatures(*text_buffers(index_check.sample_texts()), shingle, banding.permutations)
    return hashlib.sha256(signed.tobytes() + band_keys(signed, *banding.shape).tobytes()).hexdigest()
