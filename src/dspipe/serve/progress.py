"""How far a run is, for the list and for its page."""

from typing import Any

from dspipe.pipeline.errors import RunNotFoundError
from dspipe.pipeline.inspection.status import open_status

AT_WORK = ("running", "quiet")
"""states in which there may be more to come without anybody's doing"""


def run_progress(root: str) -> dict[str, Any]:
    """`Status.as_json` of a run. Raises RunNotFoundError."""
    try:
        return open_status(root).as_json()
    except (KeyError, TypeError, ValueError) as error:
        raise RunNotFoundError(
            f"{root}: another version of dspipe wrote this run ({type(error).__name__}: {error}); `dspipe run` with "
            "the run's config makes it anew"
        ) from None
