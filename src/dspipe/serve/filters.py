"""What the browser of documents is asked for, as one condition: each field of the form is a part of it."""

from dataclasses import dataclass

from dspipe.pipeline.condition import Condition, ConditionError, parse_condition
from dspipe.pipeline.inspection.document_table import REASON, DocumentTable
from dspipe.serve.matches import Order

EQUAL = ("reason", "stage", "domain", "language", "source", "dump")
"""fields that a column has to be equal to"""


@dataclass(frozen=True)
class Filters:
    """The fields of the form, as they were said."""

    verdict: str
    """kept, dropped, or empty: both"""
    equal: dict[str, str]
    where: str
    order: Order
    seed: int

    def text(self) -> str:
        """The condition; empty: all documents."""
        parts = {"kept": ["reason is null"], "dropped": ["reason is not null"]}.get(self.verdict, [])
        parts += [f"{name} = {quoted(value)}" for name, value in self.equal.items() if value]
        parts += [f"({self.where})"] if self.where else []
        return " and ".join(parts)

    def condition(self, table: DocumentTable) -> Condition | None:
        """The condition on the run's columns; None: all documents. Raises ConditionError."""
        text = self.text()
        if not text:
            return None
        if REASON not in table.columns and (self.verdict or self.equal.get("reason") or self.equal.get("stage")):
            raise ConditionError("no stage has decided yet: there are no verdicts to choose by")
        if self.where:
            parse_condition(self.where, table.columns)  # a mistake is told in the words that were written
        return parse_condition(text, table.columns)


def quoted(value: str) -> str:
    """A string as conditions write it."""
    return "'" + value.replace("'", "''") + "'"
