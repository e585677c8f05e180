"""`dspipe explain RUN ID|URL`: one document's way through a run."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.plan.compile_stages import DOCUMENTS
from dspipe.pipeline.run.run_file import RunFile, configured_stages, read_run
from dspipe.pipeline.stage import Limit
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.quarantine import place_of, quarantined_records
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_CHARACTERS = 300
_SHORT_CHARACTERS = 24
_LONGEST_NUMBER = 10**15
"""longer ones are marks, not numbers of anything"""
_SCHEME_AND_SLASH = r"^https?://|/$", ""
"""what two forms of an address differ in"""


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

    Raises DocumentNotFoundError, DamagedFileError. Bad records are looked for in the quarantine.
    """
    try:
        found = _find(store, run, wanted)
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    if not found:
        read = len(_read_so_far(store))
        so_far = "" if run.text_pass() else f" in the {read:,} of {run.shards:,} shards that are read so far"
        raise DocumentNotFoundError(f"{store.root} has no document with the id or URL {wanted}{so_far}")
    _add_stages(store, found, import_own)
    return found


def _find(store: Store, run: RunFile, wanted: str) -> list[Story]:
    text_pass = run.text_pass()
    # an argument that is no UTF-8 has surrogates, which sources replace as well
    wanted = wanted.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found: list[Story] = []
    # while documents are read, those of the shards that are done can be looked at
    done = text_pass.manifests if text_pass else _read_so_far(store)
    for shard, name in enumerate(done):
        manifest = store.read_json(name)
        bad = [entry for entry in quarantined_records(store, manifest) if _is_meant(entry, wanted)]
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
    """The documents one after the other, a line a column: its value, and what it is held against."""
    from rich.markup import escape

    for story in stories:
        console.print(escape(visible_line(story.verdict())), style="bold", highlight=False, soft_wrap=True)
        reason = story.drop()[1]
        rows = [(phase, name, value) for phase, values in story.chapters.items() for name, value in values.items()]
        short = [(name, text) for _, name, value in rows if _fits(text := _shown(value))]
        longest_name = max((len(name) for name, _ in short), default=0)
        longest_value = max((len(text) for _, text in short), default=0)
        before, said = None, False
        for phase, name, value in rows:
            if name == "reason" and said:
                continue  # later phases carry it along
            said |= name == "reason"
            if phase != before:
                console.print(f"\n[bold]{escape(visible_line(phase))}[/]", highlight=False)
            before, text = phase, _shown(value)
            if not _fits(text):
                console.print(f"  {escape(visible_line(name))}", highlight=False)
                console.print(escape(visible(_indented(text, console.width))), highlight=False, soft_wrap=True)
                continue
            line = f"  {name:{longest_name}}  {text:{longest_value}}"
            limits = ", ".join(_limit(limit, reason) for limit in story.limits.get(name, ()))
            console.print(f"{escape(visible(line))}  {limits}".rstrip(), highlight=False, soft_wrap=True)
        console.print()


def _fits(text: str) -> bool:
    return len(text) <= _SHORT_CHARACTERS and "\n" not in text


def _indented(text: str, width: int) -> str:
    """Lines that break between words."""
    wrap = partial(textwrap.wrap, width=max(20, width - 4), break_long_words=False, break_on_hyphens=False)
    lines = [part for line in text.split("\n") for part in wrap(line) or [""]]
    return textwrap.indent("\n".join(lines), "    ")


def _limit(limit: Limit, reason: str | None) -> str:
    from rich.markup import escape

    asks = escape(limit.asks)
    if not limit.broken:
        return f"[dim]{asks}[/]"
    return f"[bold red]{asks} <- dropped for this[/]" if limit.reason == reason else f"[red]{asks} <- not met[/]"


def _read_so_far(store: Store) -> list[str]:
    return [f"{DOCUMENTS}/{name}" for name in store.names(DOCUMENTS) if name.endswith(".manifest.json")]


def _story(store: Store, run: RunFile, shard: int, groups: list[int], group: int, row: int) -> Story:
    story = Story()
    for phase in run.phases:
        if phase.by_shard:
            values = _values(store, store.read_json(phase.manifests[shard]), groups, group, row)
            story.chapters |= {phase.name: values} if values else {}
    if not run.phases:
        manifest = store.read_json(_read_so_far(store)[shard])
        story.chapters[DOCUMENTS] = _values(store, manifest, groups, group, row)
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
            domains = getattr(stage.config, "domains", None)
            if domains is None or columns.get("domain") in domains:
                for limit in stage.limits(columns):
                    story.limits.setdefault(limit.column, []).append(limit)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{value[:16].hex()}{'...' if len(value) > 16 else ''} ({len(value)} bytes)"
    text = str(value)
    if isinstance(value, int) and abs(value) < _LONGEST_NUMBER:
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text):,} characters)"


def _bare(url: str) -> str:
    return re.sub(*_SCHEME_AND_SLASH, url)


def _is_meant(entry: Mapping[str, Any], wanted: str) -> bool:
    return wanted in (entry["id"], place_of(entry)) or (
        entry["url"] is not None and _bare(entry["url"]) == _bare(wanted)
    )


def _rows_with(store: Store, manifest: Mapping[str, Any], wanted: str) -> Iterator[tuple[int, int]]:
    columns = {name: Column(*column) for name, column in manifest["columns"].items()}
    for group, batch in enumerate(read_rows(store, columns, ["id", "url"], manifest["groups"])):
        bare = pc.replace_substring_regex(batch.column("url"), *_SCHEME_AND_SLASH)
        hit = pc.or_kleene(pc.equal(batch.column("id"), wanted), pc.equal(bare, _bare(wanted)))
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
