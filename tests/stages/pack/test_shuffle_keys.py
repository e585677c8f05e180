"""Order keys: of seed, id and copy alone, spread evenly, and in the interval of the phase that sees the copy."""

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.tasks.origins import origins_of
from dspipe.stages.pack.shuffle_keys import OrderKeys
from dspipe.stages.remix.epochs import hash_positions
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.settings import MixtureRequest
from tests.stages.remix.domains import make_domain

ORIGINS = pa.array(origins_of("s", pa.array([f"a.jsonl line {n}" for n in range(5000)])))
WEB = pa.array(["web"] * 5000, pa.string())
ROWS, FIRST = np.arange(5000), np.zeros(5000, np.int64)


def test_a_key_is_of_seed_origin_and_copy() -> None:
    keys = OrderKeys(7).of(ORIGINS, WEB, ROWS, FIRST)
    assert len(np.unique(keys)) == 5000
    order = np.random.default_rng(1).permutation(5000)
    again = OrderKeys(7).of(ORIGINS.take(pa.array(order)), WEB, ROWS, FIRST)
    assert (again == keys[order]).all()
    assert not (OrderKeys(8).of(ORIGINS, WEB, ROWS, FIRST) == keys).any()
    second = OrderKeys(7).of(ORIGINS, WEB, ROWS, FIRST + 1)
    assert not (second == keys).any()
    assert abs(np.corrcoef(keys.astype(float), second.astype(float))[0, 1]) < 0.05
    assert (OrderKeys(-1).of(ORIGINS, WEB, ROWS, FIRST) == OrderKeys(2**64 - 1).of(ORIGINS, WEB, ROWS, FIRST)).all()


def test_keys_are_spread_evenly() -> None:
    keys = OrderKeys(7).of(ORIGINS, WEB, ROWS, FIRST)
    counts = np.bincount((keys >> np.uint64(60)).astype(int), minlength=16)
    assert abs(counts - 5000 / 16).max() < 5 * (5000 / 16) ** 0.5


def test_phases_follow_each_other() -> None:
    domains = [make_domain("web", 300_000), make_domain("code", 100_000)]
    phases = [{"share": 0.75, "weights": {"web": 1, "code": 0}}, {"share": 0.25, "weights": {"web": 0.5, "code": 0.5}}]
    plan = plan_mixture(domains, MixtureRequest.model_validate({"phases": phases, "tokens": 200_000}), seed=7)
    keys = OrderKeys(7, plan.order)
    assert keys.phases == 2
    positions = hash_positions(seeded_hashes(ORIGINS, 7))
    ends = {domain.domain: domain.epochs_by_phase for domain in plan.domains}
    assert ends["web"] == pytest.approx([0.5, 175 / 300], abs=0.01)
    border = 0.75 * 2**64
    for name in ("web", "code"):
        drawn = np.flatnonzero(positions < ends[name][-1])  # of other documents there is no copy to have a key
        found = keys.of(ORIGINS, pa.array([name] * 5000), drawn, np.zeros(len(drawn), np.int64))
        assert ((found < border) == (positions[drawn] < ends[name][0])).all()
        # each phase's copies stand everywhere in its interval
        for start, end in ((0.0, border), (border, 2.0**64)):
            inside = found[(found >= start) & (found < end)].astype(float)
            assert len(inside) == 0 or inside.mean() == pytest.approx((start + end) / 2, rel=0.05)
