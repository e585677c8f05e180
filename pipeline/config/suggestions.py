"""What somebody may have meant who wrote a name that isn't there."""

import difflib
from collections.abc import Iterable, Sequence


def near(found: str, allowed: Iterable[str]) -> str | None:
    """The name that is most like the one that was found, in whatever case; None where none is."""
    by_lower = {name.lower(): name for name in allowed}
    if found.lower() in by_lower:
        return by_lower[found.lower()]
    close = difflib.get_close_matches(found.lower(), by_lower, 1)
    return by_lower[close[0]] if close else None


def suggest(found: str, allowed: Sequence[str]) -> str:
    """`did you mean bands? Allowed: bands, rows`, or only what is allowed."""
    close = near(found, allowed)
    names = ", ".join(sorted(allowed))
    return f"did you mean {close}? Allowed: {names}" if close else f"allowed: {names}"
