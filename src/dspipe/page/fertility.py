"""What the tokenizer makes of each language and domain, and texts with the borders of their tokens."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.inspection.groups import UNKNOWN, Grouping
from dspipe.tokenizer.encoder import HuggingFaceEncoder
from dspipe.tokenizer.evaluate import count_words

_COMBINATIONS, _ROWS = 60, 40
_LONGEST_BYTES = 50_000
"""of longer texts nothing is counted"""
_TEXTS, _TEXT_CHARACTERS = 6, 420


@dataclass(frozen=True)
class FertilityRow:
    """A language or a domain. Rates by byte are of all kept documents, those by word and character of a sample."""

    name: str
    tokens: int
    bytes_per_token: float
    characters_per_token: float | None
    tokens_per_word: float | None
    sampled: int
    """documents"""


@dataclass(frozen=True)
class TokenizedText:
    """The beginning of a document, token by token."""

    language: str
    domain: str
    id: str
    pieces: list[tuple[str, int]]
    """text and of how many tokens it is: more than one where tokens end within a character"""
    tokens: int


@dataclass(frozen=True)
class Fertility:
    """The whole."""

    languages: list[FertilityRow]
    domains: list[FertilityRow]
    texts: list[TokenizedText]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def fertility_of(
    table: DocumentTable, languages: Grouping, domains: Grouping, drawn: Mapping[tuple[str | None, ...], Sequence[int]]
) -> Fertility | None:
    """Of a run whose documents are encoded; None of another. `drawn`: numbers of kept documents by language and domain.
    Raises DamagedFileError, FileNotFoundError."""
    if "tokens" not in table.columns or not sum(group.kept_tokens for group in languages.groups):
        return None
    weight = {group.name: group.kept_tokens for group in [*languages.groups, *domains.groups]}
    chosen = sorted(drawn, key=lambda key: -sum(weight.get(name or UNKNOWN, 0) for name in key))[:_COMBINATIONS]
    names = ["id", "text", "tokens", "text_bytes", "language", "domain"]
    found = documents_at(table, [number for key in chosen for number in drawn[key]], names)
    rows = [row for _, row in sorted(found.items()) if row["text"] and row["text_bytes"] <= _LONGEST_BYTES]
    return Fertility(_rows(languages, rows, "language"), _rows(domains, rows, "domain"), _texts(table, languages, rows))


def _rows(grouping: Grouping, sampled: Sequence[Mapping[str, Any]], by: str) -> list[FertilityRow]:
    shown = []
    for group in sorted(grouping.groups, key=lambda group: -group.kept_tokens)[:_ROWS]:
        if not group.kept_tokens:
            continue
        own = [row for row in sampled if (row[by] or UNKNOWN) == group.name]
        tokens = sum(row["tokens"] for row in own)
        words = sum(count_words(row["text"]) for row in own)
        shown.append(
            FertilityRow(
                name=group.name,
                tokens=group.kept_tokens,
                bytes_per_token=group.kept_bytes / group.kept_tokens,
                characters_per_token=sum(len(row["text"]) for row in own) / tokens if tokens else None,
                tokens_per_word=tokens / words if words else None,
                sampled=len(own),
            )
        )
    return shown


def _texts(table: DocumentTable, languages: Grouping, rows: Sequence[Mapping[str, Any]]) -> list[TokenizedText]:
    """One of each of the largest languages."""
    files = table.run.artifacts.get("tokenizer", [])
    if not files:
        return []
    encoder = HuggingFaceEncoder(table.store.read_bytes(files[0]).decode("utf-8", "replace"), "to show its borders")
    shown: list[TokenizedText] = []
    for group in sorted(languages.groups, key=lambda group: -group.kept_tokens):
        own = [row for row in rows if (row["language"] or UNKNOWN) == group.name]
        if not own or len(shown) == _TEXTS:
            continue
        row = max(own, key=lambda row: min(len(row["text"]), _TEXT_CHARACTERS))
        text = re.sub(r"\n{3,}", "\n\n", row["text"][:_TEXT_CHARACTERS])
        ids, _ = encoder.encode(pa.array([text], pa.large_string()))
        pieces = _pieces(encoder.decode([number]) for number in ids.tolist())
        shown.append(TokenizedText(group.name, row["domain"] or UNKNOWN, row["id"], pieces, len(ids)))
    return shown


def _pieces(tokens: Iterable[bytes]) -> list[tuple[str, int]]:
    """Tokens as text; those that end within a character together with the next ones."""
    pieces: list[tuple[str, int]] = []
    waiting, number = b"", 0
    for token in tokens:
        waiting, number = waiting + token, number + 1
        try:
            pieces.append((waiting.decode(), number))
        except UnicodeDecodeError:
            if number < 8:
                continue
            pieces.append((waiting.decode("utf-8", "replace"), number))
        waiting, number = b"", 0
    return [*pieces, (waiting.decode("utf-8", "replace"), number)] if waiting else pieces
