import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix import domain_counts
from dspipe.stages.remix.mixture_plan import MixturePlan, PhaseOrder
from dspipe.stages.remix.plan import BYTES_PER_TOKEN, SHOWN, forecast_draw, plan_draw
from dspipe.stages.remix.settings import MixtureRequest
from tests.tasks import Inputs, make_task, read_made, run_function


def counts(**tokens: int) -> bytes:
    """What a shard counted: two documents of each domain, all its tokens in the first of eight bins."""
    domains = {name: {"documents": 2, "bins": {"0": count}} for name, count in tokens.items()}
    return json.dumps({"bins": 8, "domains": domains}).encode()


def settings(**request: Any) -> dict[str, Any]:
    return {"request": MixtureRequest.model_validate(request).model_dump(mode="json"), "unit": "tokens"}


def test_what_all_shards_counted_is_planned(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"domains": [counts(web=100, code=40), counts(web=300)]}))
    run_function(plan_draw, task, settings(weights={"web": 0.5, "code": 0.5}, tokens=100), seed=9)
    plan = MixturePlan.from_json(read_made(task, "mixture")[0])
    assert [(d.domain, d.documents, d.tokens, d.tokens_drawn) for d in plan.domains] == [
        ("code", 2, 40, 50),
        ("web", 4, 400, 50),
    ]
    assert (plan.seed, plan.by, plan.unit, plan.tokens) == (9, "domain", "tokens", 100)
    assert json.loads(read_made(task, "mixture_epochs")[0]) == {"epochs": plan.epochs, "merged": {}}
    assert PhaseOrder.from_json(read_made(task, "mixture_phases")[0]) == PhaseOrder()
    assert [list(entry) for entry in task.notes["mixture"]] == [list(SHOWN)] * 2


def test_what_cannot_be_met_is_refused(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"domains": [counts(web=100)]}))
    with pytest.raises(ConfigError, match="the mixture can't be drawn"):
        run_function(plan_draw, task, settings(weights={"web": 1.0}, tokens=1000))


def test_the_forecast_is_in_bytes_and_goes_as_far_as_they_do(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"domain_bytes": [counts(web=1000, code=1000)]}))
    request = {"weights": {"web": 0.9, "code": 0.1}, "tokens": 100, "min_tokens": {"code": 50}}
    run_function(forecast_draw, task, settings(**request))
    # 50 * BYTES_PER_TOKEN of each, of 1,000 bytes that all lie in the first of eight bins
    epochs = json.loads(read_made(task, "expected_epochs")[0])["epochs"]
    assert epochs == pytest.approx({"code": 50 * BYTES_PER_TOKEN / 8000, "web": 200 / 8000})
    run_function(forecast_draw, task, settings(weights={"web": 0.9, "code": 0.1}, tokens=1e9))
    epochs = json.loads(read_made(task, "expected_epochs")[-1])["epochs"]
    assert epochs == {"code": pytest.approx(444 / 8000, abs=1e-4), "web": 4.0}
    with pytest.raises(ConfigError, match="no document of domain 'law'"):
        run_function(forecast_draw, task, settings(weights={"law": 1.0}))


def test_values_that_are_no_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_counts, "MAX_BINS", 8)
    task = make_task(tmp_path, Inputs(artifacts={"domains": [counts(web=1), counts(code=1)]}))
    with pytest.raises(ConfigError, match="'domain' has more than 1 values; group them"):
        run_function(plan_draw, task, settings())


def test_no_documents(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"domains": [counts(), counts()]}))
    run_function(plan_draw, task, settings())
    assert MixturePlan.from_json(read_made(task, "mixture")[0]).domains == ()
