from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine import rows_of, run_inline
from tests.stages.dedup_corpus import deduplicating, words


def three_dumps() -> dict[str, list[dict[str, Any]]]:
    """Three dumps: a page that each of them has four times (o), one that each has twice (s), one of its own (x)."""
    rng = np.random.default_rng(12)
    often, seldom = words(rng, 60), words(rng, 60)
    # near-duplicates, but for the first of each
    return {
        dump: [
            *({"id": f"{dump}-o{n}", "text": " ".join(often) + f" {dump}" * n} for n in range(4)),
            *({"id": f"{dump}-s{n}", "text": " ".join(seldom) + f" {dump}" * n} for n in range(2)),
            {"id": f"{dump}-x", "text": " ".join(words(rng, 60))},
        ]
        for dump in ("d0", "d1", "d2")
    }


@pytest.mark.parametrize("stage", ["minhash", "exact_dedup"])
def test_within_each_dump_everything_and_across_dumps_large_clusters(tmp_path: Path, stage: str) -> None:
    dumps = three_dumps()
    if stage == "exact_dedup":
        dumps = {dump: [{**d, "text": d["text"].replace(f" {dump}", "")} for d in part] for dump, part in dumps.items()}

    def kept(**settings: Any) -> tuple[set[str], dict[str, Any]]:
        place = tmp_path / "_".join(map(str, settings.values()))
        place.mkdir()
        config = deduplicating(place, dumps, stage, **settings)
        rows = rows_of(run_inline(config), ["id", "reason", f"{stage}.cluster_size"])
        sizes = {row["id"]: row[f"{stage}.cluster_size"] for row in rows}
        return {row["id"] for row in rows if row["reason"] is None}, sizes

    own = {f"{dump}-x" for dump in dumps}
    first_of_each = {f"{dump}-{page}0" for dump in dumps for page in "os"}
    everything, sizes = kept(scope="global")
    assert everything == own | {"d0-o0", "d0-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    within, sizes = kept(scope="per_dump")
    assert within == own | first_of_each and sizes["d1-o1"] == 4 and sizes["d2-s1"] == 2
    large, sizes = kept(scope="per_dump", min_cluster=7)
    assert large == own | {"d0-o0", "d0-s0", "d1-s0", "d2-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    assert kept(scope="per_dump", min_cluster=2)[0] == everything
    assert kept(scope="per_dump", min_cluster=13)[0] == within
