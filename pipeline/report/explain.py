"""`dspipe explain RUN ID|URL`: one document's way through a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.config.run_config import load_config
from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from rich.console import Console

_LONG = 300


def explain(store: Store, run: dict[str, Any], wanted: str) -> list[dict[str, Any]]:
    """What each phase says of the documents with that id or URL: one dictionary per document, phase -> columns.

    Raises DocumentNotFoundError. Bad records are looked for in the quarantine.
    """
    phases = run["phases"]
    documents = next(phase for phase in phases if phase["name"] == "documents")
    found = []
    for shard, name in enumerate(documents["manifests"]):
        manifest = store.read_json(name)
        found += [
            {"quarantine": entry} for entry in _quarantined(store, manifest) if wanted in (entry["id"], entry["url"])
        ]
        for group, row in _rows_with(store, manifest, wanted):
            story: dict[str, Any] = {}
            for phase in phases:
                if len(phase["manifests"]) == len(documents["manifests"]):
                    made = store.read_json(phase["manifests"][shard])
                    values = _values(store, made, manifest["groups"], group, row)
                    for column, value in values.items():
                        if column.endswith(".keeper"):
                            values[column] = f"{_id_of(store, documents, value)} (document {value})"
                    story |= {phase["name"]: values} if values else {}
            found.append(story | _of_stages(store, run, story["documents"]["id"]))
    if not found:
        raise DocumentNotFoundError(f"{store.root} has no document with the id or URL {wanted}")
    return found


def _of_stages(store: Store, run: dict[str, Any], id: str) -> dict[str, dict[str, str]]:
    """What the stages of a finished run know of a document, by stage."""
    if not run["finished"] or not store.local:
        return {}
    stages = load_config(store.path("config.yaml")).stages
    known = {stage.name: stage.explain(store.root, id) for stage in stages}
    return {name: values for name, values in known.items() if values}


def print_explanation(stories: list[dict[str, Any]], console: "Console") -> None:
    """A table per document."""
    from rich.table import Table

    for story in stories:
        table = Table(show_header=False, title_justify="left", title=_verdict(story))
        table.add_column(style="bold")
        table.add_column()
        table.add_column(overflow="fold")
        for phase, values in story.items():
            for index, (name, value) in enumerate(values.items()):
                table.add_row(phase if index == 0 else "", name, _shown(value))
            table.add_section()
        console.print(table)


def _verdict(story: dict[str, Any]) -> str:
    if "quarantine" in story:
        return "quarantined"
    for phase, values in story.items():
        if values.get("reason") is not None:
            return f"dropped by {phase}: {values['reason']}"
    return "kept"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{value[:16].hex()}{'...' if len(value) > 16 else ''} ({len(value)} bytes)"
    text = str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({len(text):,} characters)"


def _rows_with(store: Store, manifest: dict[str, Any], wanted: str) -> Iterator[tuple[int, int]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {name: Column(*place) for name, place in manifest["columns"].items()}
    for group, batch in enumerate(read_rows(store, columns, ["id", "url"], manifest["groups"])):
        hit = pc.or_kleene(pc.equal(batch.column("id"), wanted), pc.equal(batch.column("url"), wanted))
        for row in pc.indices_nonzero(pc.fill_null(hit, pa.scalar(False))).to_pylist():
            yield group, row


def _values(store: Store, manifest: dict[str, Any], groups: list[int], group: int, row: int) -> dict[str, Any]:
    columns = {name: Column(*place) for name, place in manifest["columns"].items()}
    if not columns:
        return {}
    for index, batch in enumerate(read_rows(store, columns, list(columns), groups)):
        if index == group:
            values = {name: batch.column(name)[row].as_py() for name in columns}
            return {name: value for name, value in values.items() if value is not None}
    return {}


def _id_of(store: Store, documents: dict[str, Any], number: int) -> str:
    """The id of a document by its 64-bit number (shard << 32 | row)."""
    manifest = store.read_json(documents["manifests"][number >> 32])
    row = number & 0xFFFFFFFF
    for batch in read_rows(store, {"id": Column(*manifest["columns"]["id"])}, ["id"], manifest["groups"]):
        if row < batch.num_rows:
            return str(batch.column("id")[row])
        row -= batch.num_rows
    return "unknown"


def _quarantined(store: Store, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import json

    for file in manifest["files"]:
        if file["kind"] == "quarantine":
            yield from map(json.loads, store.read_bytes(file["file"]).splitlines())
