"""One document's way through a run: its columns, the verdicts, what the stages know of it."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import join
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.inspection.beside_limits import Measured, values_beside_limits
from dspipe.pipeline.inspection.find_documents import find_documents, name_nearest
from dspipe.pipeline.inspection.kept_copies import KeptCopy, kept_copies
from dspipe.pipeline.inspection.one_document import OneDocument
from dspipe.pipeline.run.run_file import RunFile, configured_stages
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.store import Store


@dataclass
class Story:
    """What is known of one document, by who says it: phases, then stages."""

    chapters: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int | None = None
    """the document's (`pipeline.doc_id`); None: a bad record"""
    finished: bool = True
    """whether the run has come to its end, and with it to the last verdict"""
    limits: dict[str, list[Measured]] = field(default_factory=dict)
    """what columns are held against, by column"""
    kept_copies: list[KeptCopy] = field(default_factory=list)
    """what was kept instead of it, by round of deduplication"""

    @property
    def quarantined(self) -> bool:
        """Whether it is a bad record."""
        return self.number is None

    def columns(self) -> dict[str, Any]:
        """All columns of the document, the newest of each."""
        return {name: value for chapter in self.chapters.values() for name, value in chapter.items()}

    def verdict(self) -> str:
        """Kept, quarantined, dropped by whom and why, or undecided."""
        if self.quarantined:
            return "quarantined"
        phase, reason = self.drop()
        if reason is None:
            return "kept" if self.finished else "undecided: not dropped so far, and the run isn't finished"
        return f"dropped by {phase}: {reason}"

    def as_json(self) -> dict[str, Any]:
        """JSON values; bytes are hexadecimal."""
        phase, reason = self.drop()
        return {
            "number": self.number,
            "quarantined": self.quarantined,
            "kept": not self.quarantined and reason is None,
            "finished": self.finished,
            "dropped_by": phase or None,
            "reason": reason,
            "known": {
                name: {column: _as_json(value) for column, value in chapter.items()}
                for name, chapter in self.chapters.items()
            },
            "limits": {
                name: [{**asdict(limit), "value": _as_json(limit.value)} for limit in limits]
                for name, limits in self.limits.items()
            },
            "kept_instead": [copy.as_json() for copy in self.kept_copies],
        }

    def drop(self) -> tuple[str, str | None]:
        """The phase that dropped it, and why; None: nothing did."""
        drops = (
            (phase, values["reason"]) for phase, values in self.chapters.items() if values.get("reason") is not None
        )
        return next(drops, ("", None))


def explain(store: Store, run: RunFile, wanted: str, import_own: bool = False) -> list[Story]:
    """What each phase and stage says of the documents with that id or URL; stages of the run's own say more than
    their columns only with `import_own`, which imports the modules that its config names.

    Raises DocumentNotFoundError, which names the nearest there are, and DamagedFileError. Bad records are looked for in
    the quarantine where no document is found by the index.
    """
    try:
        found = find_documents(store, run, wanted)
        stories = [Story({"quarantine": entry}) for entry in found.bad]
        for shard, row in found.places:
            number = join(shard, row)
            stories.append(Story(OneDocument(store, run, number).by_phase(), number, run.finished))
        near = name_nearest(store, run, wanted) if not stories else []
        _add_stages(store, run, stories, import_own)
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    if not stories:
        so_far = "" if run.text_pass() else f" in the {found.shards:,} of {run.shards:,} shards that are read so far"
        nearest = f"; the nearest are {', '.join(near)}" if near else ""
        raise DocumentNotFoundError(f"{store.root} has no document with the id or URL {wanted}{so_far}{nearest}")
    return stories


def _add_stages(store: Store, run: RunFile, stories: list[Story], import_own: bool) -> None:
    """What the stages know beyond columns; nothing where the run's config can't be loaded here."""
    try:
        stages = configured_stages(store, import_own).known
    except (InvalidConfigError, OSError):
        return
    for story in stories:
        if story.number is None:
            continue
        columns = story.columns()
        for stage in stages:
            known = _known(store, run, stage, story.number, columns)
            story.chapters |= {stage.name: known} if known else {}
        for one in values_beside_limits(stages, columns):
            story.limits.setdefault(one.column, []).append(one)
        try:
            story.kept_copies += kept_copies(store, run, stages, columns)
        except (DamagedFileError, FileNotFoundError) as error:  # of another shard: this document is shown
            story.chapters["kept instead"] = {"not known": str(error)}


def _known(store: Store, run: RunFile, stage: Stage[Any], number: int, columns: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(stage.explain(store, run, number, columns))
    except Exception as error:  # its results may not be there yet, or be damaged: the columns are shown
        return {"not known": f"{error}"}


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
