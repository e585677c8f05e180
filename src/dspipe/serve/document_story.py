"""One document: its columns beside what they are held against, its cluster, and what the stages know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import place_of
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.inspection.beside_limits import Measured, spans_of, values_beside_limits
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.inspection.kept_copies import KeptCopy, kept_copies
from dspipe.pipeline.quantities import human_number
from dspipe.pipeline.run.run_file import configured_stages
from dspipe.pipeline.stage import Span, Stage
from dspipe.serve.opened import OpenedRun

_LONG = 200
"""characters of a value that are shown"""
LONGEST_TEXT = 200_000
"""characters of a text that are shown"""


@dataclass(frozen=True)
class Value:
    """A column of the document, and what it is held against."""

    name: str
    text: str
    limits: Sequence[Measured]


@dataclass
class DocumentStory:
    """What the page of a document shows."""

    at: str
    columns: dict[str, Any]
    text: list[tuple[str, str]]
    """its parts, with what a stage says of them"""
    text_is: str
    """what the text is, where it isn't the stored one, or why there is none; empty otherwise"""
    text_left_out: int
    groups: dict[str, list[Value]] = field(default_factory=dict)
    """by the stage that the columns are of, `document` first"""
    kept_copies: list[tuple[KeptCopy, str]] = field(default_factory=list)
    """each with a condition that holds for all of the cluster"""
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    """what stages know beyond columns, by stage"""

    @property
    def decided(self) -> bool:
        """Whether there is a verdict on it."""
        return "reason" in self.columns


def stages_of(run: OpenedRun) -> tuple[Stage[Any], ...]:
    """The stages of the run's config that come with dspipe: modules of the run's own aren't imported. None where the
    config can't be loaded here."""
    try:
        return configured_stages(run.store, import_own=False).known
    except (InvalidConfigError, OSError):
        return ()


def read_story(run: OpenedRun, number: int) -> DocumentStory:
    """Everything of one document. Raises DocumentNotFoundError for a number that no document has, DamagedFileError."""
    columns = documents_at(run.table, [number], list(run.table.columns)).get(number)
    if columns is None:
        raise DocumentNotFoundError(f"{run.file.name} has no document {place_of(number)}")
    stored, text_is = columns.pop("text", None), ""
    stages = stages_of(run)
    text, spans = stored or "", spans_of(stages, stored or "", columns)
    if stored is None:
        kept, text_is = run.early_texts.text(columns["origin"])
        text, spans = kept or "", []
    story = DocumentStory(place_of(number), columns, [], text_is, max(0, len(text) - LONGEST_TEXT))
    story.text = mark_text(text[:LONGEST_TEXT], spans)
    limits: dict[str, list[Measured]] = {}
    for one in values_beside_limits(stages, columns):
        limits.setdefault(one.column, []).append(one)
    for name, value in columns.items():
        if value is not None:
            group = name.partition(".")[0] if "." in name else "document"
            story.groups.setdefault(group, []).append(Value(name, _shown(value), limits.get(name, ())))
    try:
        copies = kept_copies(run.store, run.file, stages, {**columns, "text": stored or ""})
        story.kept_copies = [(copy, cluster_of(copy, columns)) for copy in copies]
    except (DamagedFileError, FileNotFoundError) as error:  # of another shard: this document is shown
        story.known["kept instead"] = {"not known": str(error)}
    for stage in stages:
        try:
            known = stage.explain(run.store, run.file, number, columns)
        except Exception as error:  # its results may not be there yet, or be damaged: the columns are shown
            known = {"not known": f"{error}"}
        if known:
            story.known[stage.name] = dict(known)
    return story


def mark_text(text: str, spans: Sequence[Span]) -> list[tuple[str, str]]:
    """The text in parts, each with what is said of it (empty: nothing). A part that was cut out is empty itself."""
    parts, at = [], 0
    for span in spans:
        if span.start > len(text):
            break
        parts += [(text[at : span.start], ""), (text[span.start : span.end], span.what)]
        at = span.end
    return [part for part in [*parts, (text[at:], "")] if any(part)]


def cluster_of(copy: KeptCopy, columns: Mapping[str, Any]) -> str:
    """A condition that holds for all of the cluster in which a copy was kept; empty: not known."""
    cluster = columns.get(f"{copy.round}.cluster")
    return "" if cluster is None else f'"{copy.round}.cluster" = {cluster}'


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{value[:16].hex()}{'…' if len(value) > 16 else ''} ({len(value)} bytes)"
    if isinstance(value, float):
        return human_number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        return f"{value:,}"
    text = str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text):,} characters)"
