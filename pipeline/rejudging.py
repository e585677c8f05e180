"""What a stage that sees the whole corpus is asked, and says, when other documents would come to it.

Where a threshold is moved, verdicts of map stages follow from a document's columns alone. A stage that looks at all
documents has to say what it would decide of others: `GlobalStage.rejudge` does so from columns, without a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Bools = npt.NDArray[np.bool_]
    Codes = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]
    UInt64 = npt.NDArray[np.uint64]


class NeedsRunError(Exception):
    """What an edit changes can't be told from columns: a sentence that says why."""


class RunDocuments(Protocol):
    """The n documents of a run, in order, as a stage sees them that is to judge again."""

    enters: "Bools"
    """which come to the stage now"""
    entered: "Bools"
    """which came to it in the run"""
    unsure: "Bools"
    """of those that come, which may have been dropped before after all; of the others, which may come after all"""
    stages: Sequence[str]
    """the names of the config's stages, in order"""
    text_bytes: "Int64"
    tokens: "Int64"
    """where the tokenizer hasn't seen a document, an estimate by its bytes"""
    guessed_tokens: "Bools"
    """where `tokens` is an estimate"""
    learned_tokens: bool
    """whether `tokens` would be other ones, slightly, since the tokenizer is trained on what is kept"""

    def numbers(self) -> "UInt64":
        """The documents' numbers (`pipeline.doc_id`)."""

    def dropped_for(self, reason: str) -> "Bools":
        """Which were dropped in the run with this reason."""

    def dropped_before(self) -> "tuple[Codes, Sequence[str]]":
        """(codes, reasons): why each document doesn't come now, as a place in `reasons`; -1 for those that come."""

    def read(self, names: Sequence[str]) -> "Iterator[tuple[int, pa.RecordBatch]]":
        """(row of the first, the named columns) of all documents in order, some ten thousand at a time. Raises
        NeedsRunError for a column that the run hasn't."""


@dataclass
class Rejudged:
    """What a stage would say of the documents that come to it, and how far that is certain."""

    reasons: Sequence[str]
    codes: "Codes"
    """of each of the n documents its place in `reasons`, -1 where it is kept; of those that don't come: anything"""
    unsure: "Bools | None" = None
    """of which documents the verdict is a guess: each may be kept or dropped. None: of none"""
    remarks: Sequence[str] = ()
    """sentences that say what is not exact, and why"""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """what the stage works out beside verdicts, before and after, by name: rows of JSON values"""
