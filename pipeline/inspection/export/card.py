"""The dataset card of an export: a README.md whose front matter `datasets` and the Hugging Face Hub read, and tables
for people. What documents say (domains, languages) is made safe to show."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml

from dspipe.pipeline.inspection.export.entry import Counts
from dspipe.pipeline.inspection.export.options import COUNTED, Selection
from dspipe.pipeline.inspection.export.shard_files import DATA, SUFFIXES, DataFile
from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.visible_text import visible_line

_MOST_ROWS = 50
"""of a table by domain, the largest"""
_MOST_LANGUAGES = 200
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
"""ISO 639-1 to 639-3: what the Hub takes as a language"""
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "n>1T")


@dataclass(frozen=True)
class Card:
    """What a card tells."""

    run: RunFile
    selection: Selection
    files: Sequence[DataFile]
    counts: Counts
    config_sha256: str | None

    def as_json(self) -> dict[str, Any]:
        """The same for programs: what the manifest of an export holds."""
        options = self.selection.options
        return {
            "run": self.run.name,
            "config_sha256": self.config_sha256,
            "options": {**vars(options), "columns": self.selection.schema.names},
            "columns": {field.name: str(field.type) for field in self.selection.schema},
            **self.counts.as_json(),
            "files": [file.as_json() for file in self.files],
        }


def card_text(card: Card) -> str:
    """The card, as Markdown."""
    front = yaml.safe_dump(_front_matter(card), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{front}---\n",
        f"# {_shown(card.run.name)}",
        _what(card),
        *_by_value(card),
        *_columns(card),
        *_made(card),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _front_matter(card: Card) -> dict[str, Any]:
    files = f"{DATA}/*{SUFFIXES[card.selection.options.format]}"
    values: dict[str, Any] = {"pretty_name": visible_line(card.run.name)}
    codes = [name for name in card.counts.by.get("language", {}) if _LANGUAGE_CODE.fullmatch(name)]
    if codes:
        values["language"] = sorted(codes)[:_MOST_LANGUAGES]
    values["size_categories"] = [_size_category(card.counts.rows)]
    values["task_categories"] = ["text-generation"]
    if card.files:
        values["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": files}]}]
        features = [_feature(field) for field in card.selection.schema]
        # types that `datasets` would otherwise guess from a file's first rows
        if None not in features:
            values["dataset_info"] = {"features": features}
    return values


def _size_category(rows: int) -> str:
    return next((name for place, name in enumerate(_SIZES[:-1]) if rows < 10 ** (place + 3)), _SIZES[-1])


def _feature(field: pa.Field) -> dict[str, Any] | None:
    """A column as `datasets` describes it; None: not as simply as that."""
    kind = field.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _feature(kind.value_field)
        return inner and {"name": field.name, "list": inner["dtype"]} if inner and "dtype" in inner else None
    names = {"float": "float32", "double": "float64", "halffloat": "float16"}
    plain = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return {"name": field.name, "dtype": names.get(str(kind), str(kind))} if plain else None


def _what(card: Card) -> str:
    options, counts = card.selection.options, card.counts
    stored = sum(file.bytes for file in card.files)
    lines = [
        f"{counts.rows:,} {'rows' if options.copies else 'documents'}, {human_bytes(counts.text_bytes)} of text, in "
        f"{len(card.files):,} files of {human_bytes(stored)}."
    ]
    lines.append(
        "Documents that every stage of the pipeline has kept."
        if options.kept
        else "All documents that were read: `reason` says why one was dropped, and is null where it was kept."
    )
    if options.where is not None:
        lines.append(f"Of these only where <code>{_shown(options.where)}</code>.")
    if options.copies:
        lines.append("Each document stands here as often as it was drawn for the mixture.")
    if counts.without_text:
        lines.append(f"{counts.without_text:,} were dropped while they were read, and have no text.")
    lines.append("Text is as the last stage that rewrites it has left it; rows are in the order of the input.")
    lines.append("No licence is named here: whoever publishes the data knows under which terms its sources are.")
    return "\n".join(lines)


def _by_value(card: Card) -> list[str]:
    parts = []
    for name in COUNTED:
        found = card.counts.by.get(name, {})
        if not found:
            continue
        order = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        rows = [(_shown(value) or "(unknown)", f"{n:,}", human_bytes(size)) for value, (n, size) in order[:_MOST_ROWS]]
        if more := order[_MOST_ROWS:]:
            n, size = (sum(counts[place] for _, counts in more) for place in (0, 1))
            rows.append((f"{len(more):,} others", f"{n:,}", human_bytes(size)))
        parts.append(f"## By {name}\n\n{_table((name, 'documents', 'text'), rows)}")
    return parts


def _columns(card: Card) -> list[str]:
    rows = [(f"<code>{_shown(field.name)}</code>", str(field.type)) for field in card.selection.schema]
    return [f"## Columns\n\n{_table(('column', 'type'), rows)}"]


def _made(card: Card) -> list[str]:
    rows = []
    for entry in card.run.funnel():
        dropped = entry.entered.documents - entry.kept.documents
        rows.append((_shown(entry.stage), f"{entry.entered.documents:,}", f"{dropped:,}", f"{entry.kept.documents:,}"))
    config = f" Its config has the SHA-256 `{card.config_sha256}`." if card.config_sha256 else ""
    text = f"By [dspipe](https://pypi.org/project/dspipe/), as the run <code>{_shown(card.run.name)}</code>.{config}"
    table = f"\n\n{_table(('stage', 'documents', 'dropped', 'kept'), rows)}" if rows else ""
    return [f"## How it was made\n\n{text}{table}"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_MARKDOWN: Mapping[int, str] = {ord(mark): f"&#{ord(mark)};" for mark in "|`*_[]\\#~$"}


def _shown(text: str) -> str:
    """As HTML and Markdown show it letter by letter."""
    return html.escape(visible_line(text[:200])).translate(_MARKDOWN)
