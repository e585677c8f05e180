"""Domains that are too small to stand alone, put together under one name, or under a few."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dspipe.stages.remix.epochs import Domain, Scores
from dspipe.stages.remix.settings import Tail


def merge_tail(domains: Sequence[Domain], tail: Tail | None) -> tuple[list[Domain], dict[str, str]]:
    """The domains by name, and the new names of those that were put together with others."""
    if tail is None:
        return list(domains), {}
    merged = {domain.name: tail.name_of(domain.name) for domain in domains if domain.tokens < tail.min_tokens}
    merged = {name: into for name, into in merged.items() if into != name}
    found: dict[str, Domain] = {}
    for domain in domains:
        name = merged.get(domain.name, domain.name)
        found[name] = _together(found[name], domain) if name in found else replace(domain, name=name)
    return [found[name] for name in sorted(found)], merged


def _together(one: Domain, other: Domain) -> Domain:
    documents, tokens = one.documents + other.documents, one.tokens + other.tokens
    if one.scores is None or other.scores is None:
        return Domain(one.name, documents, tokens, one.bins + other.bins)
    bins, place = np.unique(np.concatenate([one.scores.bins, other.scores.bins]), return_inverse=True)
    counts, squares = np.zeros(len(bins), np.int64), np.zeros(len(bins))
    np.add.at(counts, place, np.concatenate([one.bins, other.bins]))
    np.add.at(squares, place, np.concatenate([one.scores.squares, other.scores.squares]))
    scores = Scores(bins, one.scores.scored + other.scores.scored, squares)
    return Domain(one.name, documents, tokens, counts, scores)
