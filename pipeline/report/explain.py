"""`dspipe explain RUN ID|URL`: one document's way through a run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.run.run_file import RunFile, configured_stages, read_run
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.quarantine import place_of
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_CHARACTERS = 300


@dataclass
class Story:
    """What is known of one document, by who says it: phases, then stages."""

    chapters: dict[str, dict[str, Any]] = field(default_factory=dict)
    quarantined: bool = False

    def columns(self) -> dict[str, Any]:
        """All columns of the document, the newest of each."""
        return {name: value for chapter in self.chapters.values() for name, value in chapter.items()}

    def verdict(self) -> str:
        """Kept, quarantined, or dropped by whom and why."""
        if self.quarantined:
            return "quarantined"
        for phase, values in self.chapters.items():
            if values.get("reason") is not None:
                return f"dropped by {phase}: {values['reason']}"
        return "kept"


def explain(store: Store, run: RunFile, wanted: str, import_own: bool = False) -> list[Story]:
    """What each phase and stage says of the documents with that id or URL; stages of the run's own say more than
    their columns only with `import_own`, which imports the modules that its config names.

    Raises DocumentNotFoundError, DamagedFileError. Bad records are looked for in the quarantine.
    """
    try:
        found = _find(store, run, wanted)
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    if not found:
        raise DocumentNotFoundError(f"{store.root} has no document with the id or URL {wanted}")
    _add_stages(store, found, import_own)
    return found


def _find(store: Store, run: RunFile, wanted: str) -> list[Story]:
    text_pass = run.text_pass()
    # an argument that is no UTF-8 has surrogates, which sources replace as well
    wanted = wanted.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found: list[Story] = []
    for shard, name in enumerate(text_pass.manifests if text_pass else []):
        manifest = store.read_json(name)
        bad = [
            entry for entry in _quarantined(store, manifest) if wanted in (entry["id"], entry["url"], place_of(entry))
        ]
        found += [Story({"quarantine": entry}, quarantined=True) for entry in bad]
        rows = _rows_with(store, manifest, wanted)
        found += [_story(store, run, shard, manifest["groups"], group, row) for group, row in rows]
    return found


def id_of(root: str, number: int) -> str:
    """The id of a document of a run by its number (`pipeline.doc_id`)."""
    store, run = read_run(root)
    text_pass = run.text_pass()
    shard, row = split(number)
    if text_pass is None or shard >= len(text_pass.manifests):
        return "unknown"
    manifest = store.read_json(text_pass.manifests[shard])
    for batch in read_rows(store, {"id": Column(*manifest["columns"]["id"])}, ["id"], manifest["groups"]):
        if row < batch.num_rows:
            return str(batch.column("id")[row])
        row -= batch.num_rows
    return "unknown"


def print_explanation(stories: list[Story], console: "Console") -> None:
    """A table per document."""
    from rich.markup import escape
    from rich.table import Table

    for story in stories:
        table = Table(show_header=False, title_justify="left", title=escape(visible_line(story.verdict())))
        table.add_column(style="bold")
        table.add_column()
        table.add_column(overflow="fold")
        for phase, values in story.chapters.items():
            for index, (name, value) in enumerate(values.items()):
                named = escape(visible_line(phase)) if index == 0 else ""
                table.add_row(named, escape(visible_line(name)), escape(visible(_shown(value))))
            table.add_section()
        console.print(table)


def _story(store: Store, run: RunFile, shard: int, groups: list[int], group: int, row: int) -> Story:
    story = Story()
    for phase in run.phases:
        if phase.by_shard:
            values = _values(store, store.read_json(phase.manifests[shard]), groups, group, row)
            story.chapters |= {phase.name: values} if values else {}
    return story


def _add_stages(store: Store, stories: list[Story], import_own: bool) -> None:
    """What the stages know beyond columns; nothing where the run's config can't be loaded here."""
    try:
        stages = configured_stages(store, import_own).known
    except (InvalidConfigError, OSError):
        return
    for story in stories:
        if story.quarantined:
            continue
        columns = story.columns()
        for stage in stages:
            try:
                known = stage.explain(store.root, columns["id"], columns)
            except Exception as error:  # its results may not be there yet, or be damaged: the columns are shown
                known = {"not known": f"{error}"}
            story.chapters |= {stage.name: dict(known)} if known else {}


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{value[:16].hex()}{'...' if len(value) > 16 else ''} ({len(value)} bytes)"
    text = str(value)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text):,} characters)"


def _rows_with(store: Store, manifest: Mapping[str, Any], wanted: str) -> Iterator[tuple[int, int]]:
    columns = {name: Column(*column) for name, column in manifest["columns"].items()}
    for group, batch in enumerate(read_rows(store, columns, ["id", "url"], manifest["groups"])):
        hit = pc.or_kleene(pc.equal(batch.column("id"), wanted), pc.equal(batch.column("url"), wanted))
        for row in pc.indices_nonzero(pc.fill_null(hit, pa.scalar(False))).to_pylist():
            yield group, row


def _values(store: Store, manifest: Mapping[str, Any], groups: list[int], group: int, row: int) -> dict[str, Any]:
    columns = {name: Column(*column) for name, column in manifest["columns"].items()}
    if not columns:
        return {}
    for index, batch in enumerate(read_rows(store, columns, list(columns), groups)):
        if index == group:
            values = {name: batch.column(name)[row].as_py() for name in columns}
            return {name: value for name, value in values.items() if value is not None}
    return {}


def _quarantined(store: Store, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for file in manifest["files"]:
        if file["kind"] == "quarantine":
            yield from map(json.loads, store.read_bytes(file["file"]).splitlines())
