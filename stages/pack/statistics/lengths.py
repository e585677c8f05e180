"""A histogram of lengths in bounded memory: exact below 65,536 tokens, by powers of two above."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_EXACT = 1 << 16


@dataclass
class LengthHistogram:
    """How long documents or rows are, in tokens."""

    count: int = 0
    tokens: int = 0
    shortest: int = 0
    longest: int = 0
    _small: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_EXACT, np.int64))
    _large: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))
    _tokens: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))

    def add(self, lengths: npt.NDArray[np.int64]) -> None:
        """Count some lengths."""
        if not len(lengths):
            return
        low, high = int(lengths.min()), int(lengths.max())
        self.shortest = min(self.shortest, low) if self.count else low
        self.longest = max(self.longest, high)
        self.count += len(lengths)
        self.tokens += int(lengths.sum())
        small = lengths < _EXACT
        self._small += np.bincount(lengths[small], minlength=_EXACT)
        powers = _power(lengths)
        self._large += np.bincount(powers[~small], minlength=64)
        self._tokens += np.bincount(powers, lengths, minlength=64).astype(np.int64)

    @property
    def mean(self) -> float:
        """Tokens on average."""
        return self.tokens / self.count if self.count else 0.0

    def quantile(self, share: float) -> int:
        """The length that this share is not longer than; above 65,535 the power of two below it."""
        if not self.count:
            return 0
        wanted, ends = share * self.count, np.cumsum(self._small)
        if wanted <= ends[-1]:
            return int(np.searchsorted(ends, max(1, wanted)))
        below = int(ends[-1])
        for power, n in enumerate(self._large.tolist()):
            below += n
            if below >= wanted:
                return 1 << max(0, power - 1)
        return self.longest

    def buckets(self) -> list[dict[str, int]]:
        """By powers of two: at least so long (0 for empty ones), how many, and their tokens."""
        powers = _power(np.arange(_EXACT))
        counts = np.bincount(powers, self._small, minlength=64).astype(np.int64) + self._large
        return [
            {"at least": (1 << power) >> 1, "number": int(counts[power]), "tokens": int(self._tokens[power])}
            for power in np.flatnonzero(counts).tolist()
        ]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "count": self.count,
            "tokens": self.tokens,
            "mean": round(self.mean, 2),
            "shortest": self.shortest,
            "median": self.quantile(0.5),
            "p90": self.quantile(0.9),
            "p99": self.quantile(0.99),
            "longest": self.longest,
            "histogram": self.buckets(),
        }


def _power(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0 for 0, else 1 more than the power of two that is not larger."""
    _, exponents = np.frexp(lengths.astype(np.float64))
    return exponents.astype(np.int64)
