"""Documents and tokens by domain, and each domain's tokens by position (`stages.remix.epochs`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dspipe.stages.remix.epochs import Domain, Float64, Int64, find_bins

MAX_BINS = 10_000 << 10
"""Of all domains together: 80 MB. Ten thousand values of a column are no domains, and the plan is a table to read."""


class TooManyDomainsError(Exception):
    """More domains than can be counted; the message says how many can."""


class DomainCounts:
    """Counts over batches and shards; `bins` is the number of bins that each domain's positions are counted in."""

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self._documents: dict[str, int] = {}
        self._tokens: dict[str, Int64] = {}

    def add(self, names: Sequence[str], codes: Int64, positions: Float64, tokens: Int64) -> None:
        """Add documents: number i is of domain names[codes[i]], at positions[i], with tokens[i] tokens."""
        order = np.argsort(codes, kind="stable")
        bins, tokens = find_bins(positions[order], self.bins), tokens[order]
        ends = np.cumsum(np.bincount(codes, minlength=len(names))).tolist()
        for name, start, end in zip(names, [0, *ends[:-1]], ends, strict=True):
            if end > start:
                np.add.at(self._count(name, end - start), bins[start:end], tokens[start:end])

    def add_json(self, counted: dict[str, Any]) -> None:
        """Add what `as_json` of another gave."""
        for name, entry in counted.items():
            sums = self._count(name, entry["documents"])
            np.add.at(sums, [int(i) for i in entry["bins"]], list(entry["bins"].values()))

    def as_json(self) -> dict[str, Any]:
        """JSON values by domain; bins without tokens are left out."""
        return {
            name: {
                "documents": self._documents[name],
                "bins": {str(i): int(self._tokens[name][i]) for i in np.flatnonzero(self._tokens[name])},
            }
            for name in sorted(self._documents)
        }

    def domains(self) -> list[Domain]:
        """The domains by name."""
        return [
            Domain(name, self._documents[name], int(self._tokens[name].sum()), self._tokens[name])
            for name in sorted(self._documents)
        ]

    def _count(self, name: str, documents: int) -> Int64:
        """Add documents of a domain; returns its tokens by bin, to be added to."""
        if name not in self._documents:
            if (len(self._documents) + 1) * self.bins > MAX_BINS:
                raise TooManyDomainsError(f"more than {MAX_BINS // self.bins:,} values")
            self._documents[name], self._tokens[name] = 0, np.zeros(self.bins, np.int64)
        self._documents[name] += documents
        return self._tokens[name]
