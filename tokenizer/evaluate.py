"""What a tokenizer makes of a text, beside others: by language and domain, and by the use of its vocabulary."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.markup import escape as plain
from rich.table import Table
from rich.text import Text

from dspipe.pipeline.visible_text import visible_line
from dspipe.tokenizer import unicode_ranges as sets
from dspipe.tokenizer.encoder import AnyEncoder, TokenizerError
from dspipe.tokenizer.text_files import batch_documents, read_documents

Report = dict[str, Any]

LONGEST = 20
_WORD = re.compile(
    f"[{sets.regex_set([sets.CJK])}]|[^{sets.regex_set(['A D', sets.BLANKS, sets.CJK, sets.PUNCTUATION, sets.OTHER])}]+"
)
"""a word: one Han character or kana, or a run of letters and digits"""


def evaluate_all(encoders: Mapping[str, AnyEncoder], paths: Iterable[Path]) -> Report:
    """One report over the documents of the files.

    {"languages": {language: row}, "domains": {domain: row}, "all": row, "vocabulary": {tokenizer: ...}}, where a row
    has bytes, words, and by tokenizer `bytes_per_token` and `tokens_per_word`. The vocabulary's part has the engine,
    size, the share of tokens that are one byte of a longer character, the ids never used, and the longest tokens used.
    """
    groups: dict[str, dict[str, dict[str, int]]] = {"languages": {}, "domains": {}, "all": {}}
    used = {name: np.zeros(encoder.vocab_size, np.int64) for name, encoder in encoders.items()}
    for batch in batch_documents(read_documents(paths)):
        texts = pa.array([document.text for document in batch], pa.large_string())
        tokens = {}
        for name, encoder in encoders.items():
            ids, offsets = encoder.encode(texts)
            tokens[name] = np.diff(offsets)
            used[name] += np.bincount(ids, minlength=len(used[name]))
        for i, document in enumerate(batch):
            size, words = len(document.text.encode()), sum(1 for _ in _WORD.finditer(document.text))
            for group, key in (("languages", document.language), ("domains", document.domain), ("all", "all")):
                row = groups[group].setdefault(key, {"bytes": 0, "words": 0, **dict.fromkeys(encoders, 0)})
                row["bytes"] += size
                row["words"] += words
                for name in encoders:
                    row[name] += int(tokens[name][i])
    shown = {
        group: {key: _make_row(row, encoders) for key, row in sorted(rows.items(), key=lambda item: -item[1]["bytes"])}
        for group, rows in groups.items()
    }
    vocabulary = {name: _describe_vocabulary(encoder, used[name]) for name, encoder in encoders.items()}
    return {**shown, "all": shown["all"].get("all", {}), "vocabulary": vocabulary}


def _make_row(row: dict[str, int], names: Iterable[str]) -> dict[str, Any]:
    return {
        "bytes": row["bytes"],
        "words": row["words"],
        "bytes_per_token": {name: row["bytes"] / max(1, row[name]) for name in names},
        "tokens_per_word": {name: row[name] / max(1, row["words"]) for name in names},
    }


def _describe_vocabulary(encoder: AnyEncoder, used: "np.ndarray[Any, np.dtype[np.int64]]") -> dict[str, Any]:
    tokens: dict[int, bytes] = {}
    for number in range(encoder.vocab_size):
        try:
            tokens[number] = encoder.decode([number])
        except TokenizerError:  # a gap between the ids
            continue
    parts = [number for number, token in tokens.items() if len(token) == 1 and token[0] >= 0x80]
    longest = sorted((number for number in tokens if used[number]), key=lambda number: -len(tokens[number]))[:LONGEST]
    return {
        "engine": encoder.engine,
        "size": encoder.vocab_size,
        "single_byte_share": float(used[parts].sum() / max(1, used.sum())),
        "unreached": sum(1 for number in tokens if not used[number]),
        "longest": [tokens[number].decode("utf-8", "backslashreplace") for number in longest],
    }


def print_report(report: Report) -> None:
    """Print the report as tables."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    names = list(report["vocabulary"])
    for title, rows in (("language", report["languages"]), ("domain", report["domains"]), ("", {"all": report["all"]})):
        table = Table(
            title,
            "MB",
            *(f"{_shown(name)}: bytes/token" for name in names),
            *(f"{_shown(name)}: tokens/word" for name in names),
        )
        for key, row in rows.items():
            if row:
                figures = [*row["bytes_per_token"].values(), *row["tokens_per_word"].values()]
                table.add_row(_shown(key), f"{row['bytes'] / 1e6:.2f}", *(f"{figure:.2f}" for figure in figures))
        console.print(table)
    for name, use in report["vocabulary"].items():
        console.print(
            f"{_shown(name)}: {use['size']:,} ids, {use['unreached']:,} of them never used; "
            f"{use['single_byte_share']:.2%} of the tokens are one byte of a longer character; runs on {use['engine']}"
        )
        console.print(Text(visible_line("longest: " + " ".join(map(repr, use["longest"])))))


def _shown(text: str) -> str:
    """Text that is of the data, neither markup nor controls."""
    return plain(visible_line(text))


COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#9c6b4e")
BAR, GAP, LEFT, WIDTH = 12, 10, 170, 560
HEADING = 24


def draw_svg(report: Report) -> str:
    """Bytes per token by language and domain as bars, a colour for each tokenizer."""
    names = list(report["vocabulary"])
    parts, y = ['<text x="8" y="18" font-weight="bold">Bytes per token (more is better)</text>'], 32
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{BAR}" height="{BAR - 1}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + BAR + 6}" y="{y + BAR - 2}">{escape(visible_line(name))}</text>')
        y += BAR + 4
    sections = {"By language": report["languages"], "By domain": report["domains"], "": {"all": report["all"]}}
    rows = [row for section in sections.values() for row in section.values() if row]
    highest = max((value for row in rows for value in row["bytes_per_token"].values()), default=0.0) or 1.0
    for heading, section in sections.items():
        parts.append(f'<text x="8" y="{y + HEADING - 8}" font-weight="bold">{heading}</text>')
        y += HEADING if heading else GAP
        for key, row in section.items():
            if row:
                parts += _draw_bars(key, list(row["bytes_per_token"].values()), highest, y)
                y += BAR * len(names) + GAP
    size = f'width="{LEFT + WIDTH + 60}" height="{y + 10}"'
    style = 'font-family="sans-serif" font-size="11"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', background, *parts, "</svg>\n"])


def _draw_bars(label: str, values: list[float], highest: float, y: int) -> list[str]:
    middle = y + BAR * len(values) / 2 + 3
    parts = [f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(visible_line(label[:24]))}</text>']
    for number, value in enumerate(values):
        length, colour = value / highest * WIDTH, COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + length + 5:.1f}" y="{y + BAR - 2}">{value:.2f}</text>')
        y += BAR
    return parts
