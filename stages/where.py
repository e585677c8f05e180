"""Keeps documents for which a condition on their columns is true.

    - where: {keep: "edu_score > 2.5 and language = 'zh'"}
    - where: {keep: {not_educational: "edu_score > 2.5", not_chinese: "language = 'zh'"}}

The language is SQL's expressions (`dspipe help conditions`). Any column will do: of a source's files (`columns` of a
source), of `annotate`, of any stage. As in SQL, what compares with a null is not true: such a document is dropped,
unless the condition says `or edu_score is null`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Decides, Limit, MapStage, NamedConfig

if TYPE_CHECKING:
    import pyarrow as pa

ONLY = "not_chosen"
"""the reason of a condition that has none of its own"""

Reason = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class WhereConfig(NamedConfig):
    """Settings of `where`."""

    keep: Annotated[dict[Reason, str], Decides]
    """The condition; or several, each with the reason for which documents are dropped that break it. The first that a
    document breaks counts."""

    domains: tuple[str, ...] | None = None
    """Judge only documents of these domains. Default: all."""

    @field_validator("keep", mode="before")
    @classmethod
    def _one_condition(cls, value: object) -> object:
        return {ONLY: value} if isinstance(value, str) else value


class WhereStage(MapStage[WhereConfig]):
    """Drops with `where.not_chosen`, or with the reasons named in `keep`."""

    Config = WhereConfig

    def check(self) -> None:
        if not self.config.keep:
            raise ConfigError("holds no condition", ("keep",))
        for reason, text in self.config.keep.items():
            if not self._columns_of(reason, text):
                raise ConfigError(f"`{text}` names no column", self._key(reason))

    def check_columns(self, known: "Mapping[str, pa.DataType]") -> None:
        from dspipe.pipeline.condition import ConditionError, parse_condition

        for reason, text in self.config.keep.items():
            try:
                parse_condition(text, known)
            except ConditionError as error:
                raise ConfigError(str(error), self._key(reason)) from None

    def _key(self, reason: str) -> tuple[str, ...]:
        """The setting that holds a condition, as it was written."""
        return ("keep",) if self.config.keep.keys() == {ONLY} else ("keep", reason)

    def judge_columns(self) -> tuple[str, ...]:
        named = (name for reason, text in self.config.keep.items() for name in self._columns_of(reason, text))
        return tuple(dict.fromkeys(named))

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pa.nulls(columns.num_rows, pa.string())
        for reason, kept in self._masks(columns):
            found = pc.coalesce(found, pc.if_else(kept, pa.scalar(None, pa.string()), f"{self.name}.{reason}"))
        return found

    def limits(self, columns: Mapping[str, Any]) -> Iterator[Limit]:
        import pyarrow as pa

        row = {name: columns.get(name) for name in self.judge_columns()}
        for (reason, kept), text in zip(
            self._masks(pa.RecordBatch.from_pylist([row])), self.config.keep.values(), strict=True
        ):
            first = self._columns_of(reason, text)[0]
            yield Limit(first, f"`{text}`", f"{self.name}.{reason}", not kept[0].as_py())

    def _masks(self, batch: "pa.RecordBatch") -> "Iterator[tuple[str, pa.BooleanArray]]":
        from dspipe.pipeline.condition import parse_condition

        known = {field.name: field.type for field in batch.schema}
        for reason, text in self.config.keep.items():
            yield reason, parse_condition(text, known).mask(batch)

    def _columns_of(self, reason: str, text: str) -> tuple[str, ...]:
        from dspipe.pipeline.condition import ConditionError, columns_in_condition

        try:
            return columns_in_condition(text)
        except ConditionError as error:
            raise ConfigError(str(error), ("keep", reason)) from None
