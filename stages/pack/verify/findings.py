"""What a verification has found."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Findings:
    """What was found wrong, and how much was looked at."""

    problems: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    """checks that could not be made, and why"""

    @property
    def ok(self) -> bool:
        """Nothing was found wrong."""
        return not self.problems

    def count(self, what: str, n: int = 1) -> None:
        """Add to what was looked at."""
        self.checked[what] = self.checked.get(what, 0) + n

    def expect(self, where: str, what: str, found: Any, stated: Any) -> None:
        """A problem when the two differ."""
        if found != stated:
            self.problems.append(f"{where}: {what} is {_show(found)}, the manifest says {_show(stated)}")


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
