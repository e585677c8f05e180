"""The documents that were kept instead of one, each with its text beside that one's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.doc_id import place_of
from dspipe.pipeline.inspection.compare_texts import Compared, compare_texts
from dspipe.pipeline.inspection.one_document import open_kept
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.store import Store


@dataclass(frozen=True)
class KeptCopy:
    """The document that was kept instead, in one round of deduplication."""

    round: str
    """the stage's name, or one that begins with it"""
    number: int
    """of the document (`pipeline.doc_id`)"""
    id: str
    url: str | None
    reason: str | None
    """why it was dropped itself, then or later; None: it is kept"""
    compared: Compared | None
    """this document's text on the left, the other's on the right; None where one of them isn't stored"""

    @property
    def place(self) -> str:
        """Its shard and row."""
        return place_of(self.number)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def kept_copies(
    store: Store, run: RunFile, stages: Sequence[Stage[Any]], columns: Mapping[str, Any]
) -> Iterator[KeptCopy]:
    """What the stages name as kept instead of a document with these columns, `text` among them. Raises
    DamagedFileError, FileNotFoundError."""
    for stage in stages:
        for name, number in stage.kept_instead(columns).items():
            other = open_kept(store, run, number).columns(["id", "url", "reason", "text"])
            left, right = columns.get("text"), other["text"]
            compared = compare_texts(left, right) if left and right else None
            yield KeptCopy(name, number, other["id"], other["url"], other["reason"], compared)
