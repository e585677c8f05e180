import json
from dataclasses import replace

import pytest

from dspipe.stages.remix.mixture_plan import MixturePlan, PhaseOrder, PlannedDomain, PlannedPart

PLAN = MixturePlan(
    by="domain",
    seed=3,
    unit="tokens",
    budget=1000.0,
    tokens=999,
    phases=(PlannedPart(0.75, 749), PlannedPart(0.25, 250)),
    domains=(PlannedDomain("web", 12, 400, 0.5, 0.4995, 1.25, 500, "as asked", 3, (1.0, 1.25)),),
)


def test_what_is_written_is_read() -> None:
    assert MixturePlan.from_json(PLAN.to_json()) == PLAN
    value = json.loads(PLAN.to_json())
    assert list(value) == ["by", "seed", "unit", "budget", "tokens", "phases", "domains", "merged"]
    assert value["domains"][0]["epochs_by_phase"] == [1.0, 1.25]


def test_what_the_draw_and_its_order_depend_on() -> None:
    assert PLAN.epochs == {"web": 1.25}
    assert PLAN.order == PhaseOrder((749, 250), {"web": (1.0, 1.25)})
    assert PhaseOrder.from_json(PLAN.order.to_json()) == PLAN.order
    assert replace(PLAN, phases=PLAN.phases[:1]).order == PhaseOrder.from_json(PhaseOrder().to_json()) == PhaseOrder()


def test_another_file_is_refused() -> None:
    value = json.loads(PLAN.to_json())
    for other in ({**value, "lambda": 1}, {key: value[key] for key in value if key != "seed"}):
        with pytest.raises(TypeError):
            MixturePlan.from_json(json.dumps(other).encode())
    with pytest.raises(ValueError, match="Expecting"):
        MixturePlan.from_json(b"{")
