"""Statistics of shards, in the terminal or as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.report.tables import Line, Table, print_table
from dspipe.pipeline.visible_text import visible_json, visible_line
from dspipe.stages.pack.statistics.count import ShardStatistics
from dspipe.stages.pack.statistics.find_files import MANIFEST
from dspipe.stages.pack.statistics.lengths import LengthHistogram

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 30
"""characters of a token"""


class TokenTexts:
    """What ids are in text, where there is a tokenizer."""

    def __init__(self, tokenizer: Path | None) -> None:
        """Raises TokenizerError."""
        from dspipe.tokenizer.encoder import load

        self._encoder = load(tokenizer, cache_bytes=1 << 20) if tokenizer is not None else None

    def text(self, token: int) -> str | None:
        """The text of an id, as a Python literal; bytes that are no UTF-8 by themselves as `\\xe4`."""
        if self._encoder is None:
            return None
        if not 0 <= token < self._encoder.vocab_size:
            return "not in the vocabulary"
        try:
            return repr(self._encoder.decode([token]).decode("utf-8", "backslashreplace"))
        except Exception:  # an id that the vocabulary leaves out
            return "not in the vocabulary"


def as_json(found: ShardStatistics, texts: TokenTexts) -> str:
    """One JSON object."""

    def listed(pairs: list[tuple[int, int]], whole: int) -> list[dict[str, Any]]:
        return [
            {"id": token, "text": texts.text(token), "number": n, "share": round(n / whole, 6) if whole else 0.0}
            for token, n in pairs
        ]

    value = {
        "path": found.path,
        "format": found.format,
        "files": found.files,
        "bytes": found.bytes,
        "dtype": found.dtype,
        "tokens": found.tokens,
        "padding": found.padding,
        "rows": found.rows.as_json(),
        "documents": found.documents.as_json() if found.documents_by else None,
        "documents_by": found.documents_by,
        "without_end": found.without_end,
        "begin_rows": found.begin_rows,
        "special": asdict(found.names),
        "used": found.used,
        "unused": found.unused,
        "out_of_range": asdict(found.out_of_range) if found.out_of_range else None,
        "entropy": round(found.entropy(), 4),
        "ids_of_half": found.ids_of_half(),
        "commonest": listed(found.top(found.counts), found.tokens),
        "first_of_rows": listed(found.top(found.first, 5), found.rows.count),
        "remarks": found.remarks,
    }
    return visible_json(json.dumps(value, ensure_ascii=False))


def print_statistics(found: ShardStatistics, texts: TokenTexts, console: "Console") -> None:
    """All tables."""
    from rich.markup import escape

    what = f"{found.files:,} {'file' if found.files == 1 else 'files'}, {human_bytes(found.bytes)}"
    head = f"{found.format}, {what}, ids of {found.dtype or 'no type'}"
    console.print(f"[bold]{escape(visible_line(found.path))}[/]  {escape(visible_line(head))}", highlight=False)
    if found.out_of_range is not None:
        wrong = found.out_of_range
        limit = f" (the vocabulary has {found.names.vocabulary:,})" if found.names.vocabulary is not None else ""
        text = f"{wrong.tokens:,} ids are out of range{limit}, first in row {wrong.row:,} of {wrong.file}"
        console.print(visible_line(text), style="red", highlight=False, markup=False)
    for remark in found.remarks:
        console.print(visible_line(remark), style="yellow", highlight=False, markup=False)
    tables = [_facts(found), _lengths("Rows, by tokens", found.rows, "rows")]
    if found.documents_by is not None:
        tables.append(_lengths("Documents, by tokens", found.documents, "documents"))
    tables.append(_tokens("Commonest tokens", found.top(found.counts), found.tokens, texts))
    tables.append(_tokens("Rows begin with", found.top(found.first, 5), found.rows.count, texts))
    for table in tables:
        if table.rows:
            console.print()
            print_table(table, console)


def _facts(found: ShardStatistics) -> Table:
    table = Table("Shards", ("", "number", "share"), frozenset({1, 2}))

    def add(name: str, number: int | None, whole: int = 0, unknown: str = "") -> None:
        share = Line(f"{number / whole:.2%}", number / whole) if whole and number is not None else ""
        table.rows.append((name, f"{number:,}" if number is not None else unknown, share))

    add("rows", found.rows.count)
    add("tokens in rows", found.tokens)
    add("padding", found.padding, found.tokens, "not known")
    by = f"documents, by {found.documents_by}" if found.documents_by else "documents"
    add(by, found.documents.count if found.documents_by else None, 0, "not known")
    if found.without_end is not None:
        add("parts without an end token", found.without_end)
    begin = found.names.begin
    name = "rows that begin with the begin token" + (f" ({begin})" if begin is not None else "")
    add(name, found.begin_rows, found.rows.count, "none is used" if found.names.said_by == MANIFEST else "not known")
    vocabulary = found.names.vocabulary
    add("vocabulary", vocabulary, 0, "not known")
    add("ids that come", found.used, vocabulary or 0)
    if found.unused is not None:
        add("ids that never come", found.unused, vocabulary or 0)
    add("ids that make half of it", found.ids_of_half(), vocabulary or 0)
    table.rows.append(("bits a token", f"{found.entropy():.3f}", ""))
    return table


def _lengths(title: str, lengths: LengthHistogram, what: str) -> Table:
    if not lengths.count:
        return Table(title, ())
    about = lengths.as_json()
    parts = ", ".join(f"{name} {about[name]:,.0f}" for name in ("shortest", "median", "p90", "p99", "longest", "mean"))
    if lengths.shortest == lengths.longest:
        parts = f"all of {lengths.longest:,}"
    table = Table(f"{title}: {parts}", ("at least", what, "share", "tokens", ""), frozenset({0, 1, 2, 3}))
    most = max(bucket["number"] for bucket in about["histogram"])
    for bucket in about["histogram"]:
        bar = "█" * max(1, round(20 * bucket["number"] / most))
        share = f"{bucket['number'] / lengths.count:.1%}"
        table.rows.append((f"{bucket['at least']:,}", f"{bucket['number']:,}", share, f"{bucket['tokens']:,}", bar))
    return table


def _tokens(title: str, pairs: list[tuple[int, int]], whole: int, texts: TokenTexts) -> Table:
    decoded = [texts.text(token) for token, _ in pairs]
    names = ("id", "number", "share", *(("text",) if any(decoded) else ()))
    table = Table(title, names, frozenset({0, 1, 2}))
    for (token, n), text in zip(pairs, decoded, strict=True):
        if text is not None and len(text) > _SHOWN:
            text = f"{text[:_SHOWN]}…"
        table.rows.append((str(token), f"{n:,}", f"{n / whole:.2%}", *((text,) if text is not None else ())))
    return table
