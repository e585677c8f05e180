"""One document's way through a run: its columns, the verdicts, what the stages know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.inspection.find_documents import find_documents, name_nearest, read_so_far
from dspipe.pipeline.plan.compile_stages import DOCUMENTS
from dspipe.pipeline.run.run_file import RunFile, configured_stages, read_run
from dspipe.pipeline.stage import Limit
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store


@dataclass
class Story:
    """What is known of one document, by who says it: phases, then stages."""

    chapters: dict[str, dict[str, Any]] = field(default_factory=dict)
    limits: dict[str, list[Limit]] = field(default_factory=dict)
    """what columns are held against"""
    quarantined: bool = False

    def columns(self) -> dict[str, Any]:
        """All columns of the document, the newest of each."""
        return {name: value for chapter in self.chapters.values() for name, value in chapter.items()}

    def verdict(self) -> str:
        """Kept, quarantined, or dropped by whom and why."""
        if self.quarantined:
            return "quarantined"
        phase, reason = self.drop()
        return "kept" if reason is None else f"dropped by {phase}: {reason}"

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
        stories = [Story({"quarantine": entry}, quarantined=True) for entry in found.bad]
        stories += [tell(store, run, shard, row) for shard, row in found.places]
        if not stories:
            near = name_nearest(store, run, wanted)
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    if not stories:
        so_far = "" if run.text_pass() else f" in the {found.shards:,} of {run.shards:,} shards that are read so far"
        nearest = f"; the nearest are {', '.join(near)}" if near else ""
        raise DocumentNotFoundError(f"{store.root} has no document with the id or URL {wanted}{so_far}{nearest}")
    _add_stages(store, stories, import_own)
    return stories


def tell(store: Store, run: RunFile, shard: int, row: int) -> Story:
    """What the phases say of the document in this row of a shard: of each file its row group is read."""
    by_shard = [phase for phase in run.phases if phase.by_shard]
    names = [phase.manifests[shard] for phase in by_shard] or [read_so_far(store)[shard]]
    phases = [phase.name for phase in by_shard] or [DOCUMENTS]
    manifests = store.read_json_many(names)
    story = Story()
    group = 0
    for rows in manifests[0]["groups"]:
        if row < rows:
            break
        row, group = row - rows, group + 1
    for phase, manifest in zip(phases, manifests, strict=True):
        values = _values(store, manifest, manifests[0]["groups"], group, row)
        story.chapters |= {phase: values} if values else {}
    return story


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
            domains = getattr(stage.config, "domains", None)
            if domains is None or columns.get("domain") in domains:
                for limit in stage.limits(columns):
                    story.limits.setdefault(limit.column, []).append(limit)


def _values(store: Store, manifest: Mapping[str, Any], groups: list[int], group: int, row: int) -> dict[str, Any]:
    columns = {name: Column(*column) for name, column in manifest["columns"].items()}
    if not columns:
        return {}
    (batch,) = read_rows(store, columns, list(columns), groups, [group])
    values = {name: batch.column(name)[row].as_py() for name in columns}
    return {name: value for name, value in values.items() if value is not None}
