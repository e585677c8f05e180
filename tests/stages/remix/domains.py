"""Domains for the tests of mixtures."""

import numpy as np

from dspipe.stages.remix.epochs import BINS, Domain


def make_domain(name: str, tokens: int, documents: int = 1000) -> Domain:
    """A domain whose tokens are spread evenly over its positions."""
    bins = np.full(BINS, tokens // BINS, np.int64)
    bins[0] += tokens - bins.sum()
    return Domain(name, documents, tokens, bins)


WEB, BOOKS, CODE = make_domain("web", 1_000_000), make_domain("books", 100_000), make_domain("code", 50_000)
ALL = [WEB, BOOKS, CODE]
