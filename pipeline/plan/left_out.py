"""What of the inputs is not read though it lies where they lie: counted by kind, so that nothing is left out unsaid."""

from dataclasses import dataclass, field

from dspipe.pipeline.storage.secrets import without_secrets

_EXAMPLES = 3


@dataclass
class LeftOut:
    """How many files of each kind are left out, and the first names of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """One more of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        names = self.examples.setdefault(kind, [])
        if len(names) < _EXAMPLES:
            names.append(without_secrets(name))

    def count(self, kind: str, n: int) -> None:
        """So many of a kind, which have no names."""
        self.counts[kind] = self.counts.get(kind, 0) + n

    def __str__(self) -> str:
        """`3 hidden or temporary (_SUCCESS, .part, ...), 1 not named like jsonl (README.md)`."""
        parts = []
        for kind, n in self.counts.items():
            examples = self.examples.get(kind, [])
            names = ", ".join(examples) + (", ..." if n > len(examples) else "")
            parts.append(f"{n:,} {kind} ({names})" if examples else f"{n:,} {kind}")
        return ", ".join(parts)
