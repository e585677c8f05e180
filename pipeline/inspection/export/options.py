"""What is exported: which documents, with which columns, in which form."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

from dspipe.pipeline.condition import Condition, ConditionError, parse_condition
from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.inspection.document_table import REASON, STAGE, DocumentTable

Format = Literal["parquet", "jsonl"]
COPIES = "copies"
_ENGINES = frozenset({"origin"})
"""columns that mean something to the engine alone"""
_VERDICT = (REASON, STAGE)


class ExportError(Exception):
    """What was asked for can't be exported: a sentence that says why, and what to do."""


@dataclass(frozen=True)
class ExportOptions:
    """What a user asks for."""

    format: Format = "parquet"
    columns: tuple[str, ...] | None = None
    """names of columns, in the order wanted; None: all but those that are of no use outside"""
    where: str | None = None
    """a condition on columns (`pipeline.condition`)"""
    kept: bool = True
    """only documents that were kept; else the dropped ones too, with `reason` and `stage`"""
    copies: bool = False
    """each document as often as it was drawn, by the column `copies`"""
    file_bytes: int = 1 << 30
    """a file ends when its rows reach so many bytes, before they are compressed"""


@dataclass(frozen=True)
class Selection:
    """The options held against the columns of a run."""

    options: ExportOptions
    schema: pa.Schema
    """of what is written"""
    types: dict[str, pa.DataType]
    """of all columns of the run"""

    @cached_property
    def condition(self) -> Condition | None:
        """The condition on documents."""
        return None if self.options.where is None else parse_condition(self.options.where, self.types)

    @cached_property
    def only_kept(self) -> bool:
        """Whether documents are left out that have a reason; in some runs none has."""
        return self.options.kept and REASON in self.types

    @cached_property
    def reads(self) -> list[str]:
        """The columns to read: those that are written, asked for in the condition, or counted."""
        wanted = [*self.schema.names, "text_bytes", *COUNTED]
        wanted += self.condition.columns if self.condition is not None else ()
        wanted += [REASON] if self.only_kept else []
        wanted += [COPIES] if self.options.copies else []
        return [name for name in dict.fromkeys(wanted) if name in self.types]


COUNTED = ("source", "domain", "language")
"""the columns by whose values documents are counted"""


def select(table: DocumentTable, options: ExportOptions) -> Selection:
    """The options for this run. Raises ExportError."""
    types = table.columns
    if not types:
        raise ExportError(f"{table.store.root} has no documents yet; `dspipe run` with its config goes on with it")
    names = _default_columns(types, options) if options.columns is None else list(options.columns)
    _check_names(names, types)
    if options.copies and COPIES not in types:
        raise ExportError("there is no column copies: only a stage that draws documents (`remix`) says how often")
    selection = Selection(options, pa.schema([pa.field(name, _plain(types[name])) for name in names]), types)
    try:
        condition = selection.condition
    except ConditionError as error:
        raise ExportError(f"--where: {error}") from None
    asked = [name for name in (condition.columns if condition is not None else ()) if name in _VERDICT]
    if asked and options.kept:
        raise ExportError(f"--where asks for {asked[0]}, which documents have that were dropped: add --all")
    return selection


def _default_columns(types: dict[str, pa.DataType], options: ExportOptions) -> list[str]:
    """All but hashes and signatures, which are bytes, and what says the same of every document."""
    unused = {*_ENGINES, *(_VERDICT if options.kept else ())}
    return [name for name, kind in types.items() if name not in unused and not _is_bytes(kind)]


def _check_names(names: Sequence[str], types: dict[str, pa.DataType]) -> None:
    for place, name in enumerate(names):
        if name not in types:
            close = near(name, types)
            hint = f"did you mean {close}?" if close else f"there are: {', '.join(types)}"
            raise ExportError(f"there is no column {name}; {hint}")
        if name in names[:place]:
            raise ExportError(f"the column {name} is asked for twice")
    if not names:
        raise ExportError("no columns are asked for")


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
