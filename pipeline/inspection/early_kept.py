"""The texts that a run has kept of documents which were dropped early, by the documents' origins."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.tasks.early_texts import MOST, TEXT_BYTES, read_early_texts

_MOST_SHARDS = 1000
"""of which files are read: each is a request"""
NOT_STORED = "not stored: dropped early, and not one of the few whose texts were kept"


class EarlyKept:
    """What the text pass has kept, read when it is first asked for."""

    def __init__(self, table: DocumentTable, stages: Sequence[Stage[Any]] = ()) -> None:
        """stages: those of the run, which say for what reasons documents were dropped early."""
        self._table = table
        self._early = {stage.name for stage in stages if getattr(stage.config, "early", False)}

    @property
    def remark(self) -> str:
        """What a sample of such documents is."""
        return (
            f"these were dropped early, and of each reason and shard the texts of {MOST} at most are kept (chosen by "
            f"chance, {TEXT_BYTES >> 10} kB of each): documents with a text come first, so this is no even draw"
        )

    def covers(self, reasons: Collection[str]) -> bool:
        """Whether all documents dropped for these reasons were dropped early."""
        of_stage = self._table.stage_of_reason
        return all(of_stage.get(reason) in self._early for reason in reasons)

    @cached_property
    def origins(self) -> npt.NDArray[np.uint64]:
        """The documents whose texts there are."""
        return np.array(list(self._kept), np.uint64)

    def text(self, origin: int) -> tuple[str | None, str]:
        """A document's text, and what it is: a sentence. Raises DamagedFileError."""
        if origin not in self._kept:
            return None, NOT_STORED
        entry = self._kept[origin]
        what = "dropped early: kept to be looked at" if entry["extracted"] else "dropped before its text was extracted"
        if entry["bytes"] > TEXT_BYTES:
            what += f"; the first {TEXT_BYTES >> 10} kB of {entry['bytes']:,} bytes"
        return entry["text"], what

    @cached_property
    def _kept(self) -> dict[int, Mapping[str, Any]]:
        table = self._table
        manifests = table.text_pass_manifests()[:_MOST_SHARDS]
        try:
            return {entry["origin"]: entry for entry in read_early_texts(table.store, manifests)}
        except FileNotFoundError as error:
            raise DamagedFileError(str(error.filename or error), "is gone") from None
