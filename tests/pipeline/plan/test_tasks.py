"""What tasks have made is taken up, or refused."""

import pytest

from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import MixedRecordsError, State, absorb


def test_senders_of_different_records_are_found() -> None:
    phase = PlannedPhase("p", "partitions", "", ("p",), "", {}, {}, emits="x")
    files = [{"kind": "exchange", "name": "x", "file": name, "records": 1, "schema": name} for name in ("a", "b")]
    manifests = [{"file": "m", "files": [file]} for file in files]
    absorb(phase, manifests[:1], State([], []))
    absorb(phase, [manifests[0], {"file": "m", "files": [{**files[1], "records": 0}]}], State([], []))
    with pytest.raises(MixedRecordsError, match="a and b hold records of different schemas"):
        absorb(phase, manifests, State([], []))
