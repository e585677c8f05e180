import numpy as np
import pytest

from dspipe.pipeline.draws import seeded_hashes
from dspipe.stages.quality.recall import corpus as module
from dspipe.stages.quality.recall.corpus import Corpus
from dspipe.stages.quality.recall.decisions import OPEN, TAKEN, Decisions, Rule
from tests.stages.quality.recall.conftest import World


@pytest.mark.parametrize(("waiting", "decision"), [(1 << 20, OPEN), (10, OPEN), (10, TAKEN)])
def test_the_lowest_hashes_are_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch, waiting: int, decision: int
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", waiting)
    corpus, decisions = Corpus.open(world.run), Decisions([Rule("rings.example", "", TAKEN)])
    drawn = corpus.draw(20, 7, "test", decisions, decision, lambda done, total: None)
    plain = []
    for rows in corpus.table.read(["origin", "url", "reason"]):
        hashes = seeded_hashes(rows.batch.column("origin"), 7, "test").tolist()
        for row, (url, reason) in enumerate(
            zip(*(rows.batch.column(name).to_pylist() for name in ("url", "reason")), strict=True)
        ):
            if reason is None and ("rings.example" in url) == (decision == TAKEN):
                plain.append((hashes[row], rows.shard, rows.first + row))
    assert list(zip(drawn.shards.tolist(), drawn.rows.tolist(), strict=True)) == [
        (shard, row) for _, shard, row in sorted(plain)[:20]
    ]
    ranks = np.concatenate([batch.column("rank").to_numpy() for batch in corpus.documents(drawn)])
    assert sorted(ranks.tolist()) == list(range(20))


def test_progress_ends_at_all_documents(world: World) -> None:
    corpus = Corpus.open(world.run)
    said: list[tuple[int, int]] = []
    assert list(corpus.each_shard(lambda shard: shard, lambda done, total: said.append((done, total)))) == [0, 1]
    assert said[-1] == (corpus.table.documents, corpus.table.documents)
    with pytest.raises(ZeroDivisionError):
        list(corpus.each_shard(lambda shard: 1 // shard, lambda done, total: None))
