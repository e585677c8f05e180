"""Bands and rows for a threshold."""

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.minhash.banding import Banding, MinhashConfig
from dspipe.stages.minhash.stage import MinhashStage

COLUMNS = ["id", "reason"] + [
    f"minhash.{name}" for name in ("keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps")
]


def test_a_threshold_for_which_there_are_no_bands() -> None:
    for threshold in (1.0, 0.999999):
        with pytest.raises(ConfigError, match="give bands and rows"):
            _ = MinhashStage("minhash", MinhashConfig(threshold=threshold)).banding


def test_a_threshold_alone_chooses_bands_as_datasketch_does() -> None:
    from datasketch import MinHashLSH

    def banding(**settings: float) -> Banding:
        return MinhashStage("minhash", MinhashConfig.model_validate(settings)).banding

    for threshold in (0.5, 0.8, 0.95):
        chosen = banding(threshold=threshold, permutations=256)
        oracle = MinHashLSH(threshold=threshold, num_perm=256, weights=(0.1, 0.9))
        assert chosen.shape == (oracle.b, oracle.r) and chosen.threshold == threshold
    assert banding().threshold == pytest.approx(0.719, abs=1e-3)
    assert [banding(threshold=0.7, margin=margin).min_agreement for margin in (0, 0.04)] == [90, 85]
