import json

import numpy as np
import pytest

from dspipe.stages.remix.mixtures import propose as proposing
from dspipe.stages.remix.mixtures.proposal import Interval
from dspipe.stages.remix.mixtures.propose import propose
from tests.stages.remix.mixtures.truth import bounds_to, make_truth, measure_mixtures


def test_an_interval_has_nine_tenths_of_the_resamples() -> None:
    found = Interval.of(0.4, np.linspace(0, 1, 101))
    assert (found.expected, found.low, found.high) == pytest.approx((0.4, 0.05, 0.95))


def test_a_proposal_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposing, "can_boost", lambda: False)
    truth = make_truth(3)
    found = propose(measure_mixtures(truth, mixtures=20), truth.natural, bounds_to(1, 3), 0)
    values = json.loads(json.dumps(found.as_json()))
    assert values["weights"] == found.weights and values["gain"]["low"] == found.gain.low
    assert values["by_metric"]["metric-1"]["proposed_between"]["high"] > 0
    assert values["held_out"]["law"]["spearman"] == found.held_out["law"].spearman
    assert values["is_far"] == found.is_far == (found.distance > found.usual_distance)
