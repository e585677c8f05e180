"""No token is lost between what was drawn and what is in rows."""

from typing import Any

import pytest

from dspipe.pipeline.errors import ConservationError
from dspipe.stages.pack.index import _totals
from dspipe.stages.pack.manifest import COUNTED

DRAWN = [{"documents": 3, "tokens": 20, "empty": 1}, {"documents": 2, "tokens": 10, "empty": 0}]


def summary(**counts: int) -> tuple[dict[str, Any], list[Any]]:
    return dict.fromkeys(COUNTED, 0) | counts, []


PARTS = [
    summary(documents=3, added=3, tokens=16, rest=5, rows=2),
    summary(documents=2, added=2, tokens=8, cropped=1, rest=1, rows=1),
    summary(tokens=8, rows=1, dropped=2, dropped_documents=1),  # the tail, made of the rests
]


def test_sums_that_add_up() -> None:
    found = _totals(DRAWN, PARTS)
    assert (found["tokens"], found["added"], found["cropped"], found["dropped"]) == (32, 5, 1, 2)
    assert (found["documents"], found["empty_documents"], found["dropped_documents"], found["rows"]) == (5, 1, 1, 4)
    assert "rest" not in found  # they are in the tail


@pytest.mark.parametrize("lost", ["tokens", "documents", "cropped", "added"])
def test_sums_that_do_not(lost: str) -> None:
    parts = [(dict(counts), files) for counts, files in PARTS]
    parts[0][0][lost] += 1
    with pytest.raises(ConservationError, match="5 documents with 30 tokens were drawn"):
        _totals(DRAWN, parts)
