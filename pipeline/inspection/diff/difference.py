"""What two runs decided differently, in numbers and samples. Each document of either run is in exactly one flow."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from dspipe.pipeline.funnel import Counts


class Verdict(NamedTuple):
    """What became of a document in a run; `absent`: the run has no such document."""

    state: Literal["kept", "dropped", "absent"]
    reason: str | None = None
    stage: str | None = None

    def in_words(self) -> str:
        """`kept`, `not there`, or the reason."""
        return self.reason or {"kept": "kept", "absent": "not there"}.get(self.state, self.state)


class Measures(NamedTuple):
    """How much of it, as each of the runs has it."""

    documents: int = 0
    bytes_a: int = 0
    tokens_a: int = 0
    copies_a: int = 0
    """drawn; 0 in a run that draws none"""
    bytes_b: int = 0
    tokens_b: int = 0
    copies_b: int = 0
    texts_changed: int = 0
    """documents that are in both runs with other texts"""

    def plus(self, more: "Measures") -> "Measures":
        """The sum."""
        return Measures(*(one + other for one, other in zip(self, more, strict=True)))


@dataclass(frozen=True)
class DiffSample:
    """A document of a flow, as the run has it that is named."""

    run: Literal["a", "b"]
    id: str
    url: str | None
    domain: str | None
    language: str | None
    shard: int
    row: int
    held: tuple[str, ...]
    """what decided in either run: `heuristics.words 43: a asks at least 50, b at least 30`"""
    text: str
    """its first characters"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "held": list(self.held)}


@dataclass(frozen=True)
class DiffFlow:
    """The documents with one verdict in run a and one in run b."""

    a: Verdict
    b: Verdict
    measures: Measures
    samples: tuple[DiffSample, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the verdicts differ; what is dropped both times for one reason isn't, whichever stage says so."""
        return (self.a.state, self.a.reason) != (self.b.state, self.b.reason)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "a": self.a._asdict(),
            "b": self.b._asdict(),
            "changed": self.changed,
            **self.measures._asdict(),
            "samples": [sample.as_json() for sample in self.samples],
        }


@dataclass(frozen=True)
class DiffGroup:
    """The documents of one domain and language (as run a says, or b where a has no such document)."""

    domain: str | None
    language: str | None
    kept_in_both: Measures
    kept_in_a: Measures
    """and dropped in b, or not there"""
    kept_in_b: Measures
    other: Measures
    """kept in neither"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        parts = {name: part._asdict() for name, part in vars(self).items() if isinstance(part, Measures)}
        return {"domain": self.domain, "language": self.language, **parts}


@dataclass(frozen=True)
class Difference:
    """What `diff_runs` finds."""

    runs: tuple[str, str]
    """the names of a and b"""
    settings: tuple[tuple[str, Any, Any], ...]
    """(key, in a, in b) of the configs where they differ"""
    documents: tuple[Counts, Counts]
    """all of each run"""
    kept: tuple[Counts, Counts]
    flows: tuple[DiffFlow, ...]
    """the changed ones first, the largest first"""
    groups: tuple[DiffGroup, ...]
    """those with the most documents that one run keeps first"""
    aligned: int
    """documents of a that were compared shard by shard, without a join"""
    changed_texts: tuple[DiffSample, ...]
    remarks: tuple[str, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """JSON values; counts are lists of documents, bytes and tokens."""
        return {
            **vars(self),
            "runs": list(self.runs),
            "settings": [{"key": key, "a": a, "b": b} for key, a, b in self.settings],
            "documents": [list(counts) for counts in self.documents],
            "kept": [list(counts) for counts in self.kept],
            "flows": [flow.as_json() for flow in self.flows],
            "groups": [group.as_json() for group in self.groups],
            "changed_texts": [sample.as_json() for sample in self.changed_texts],
            "remarks": list(self.remarks),
        }
