"""How many partitions an exchange has."""

from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.partitions import MAX_PARTITIONS, MIN_PARTITIONS, partitions_for


def corpus(documents: int, memory: int = 2 << 30, shards: int = 1000) -> Corpus:
    return Corpus(shards=shards, input_bytes=0, documents=documents, memory=memory, stages=())


def test_partitions_fit_an_eighth_of_the_memory() -> None:
    assert partitions_for(corpus(0), 100) == MIN_PARTITIONS
    for documents in (10**6, 10**8, 10**9):
        found = partitions_for(corpus(documents), 100)
        assert documents * 100 / found <= (2 << 30) / 8 or found == MAX_PARTITIONS
        assert found & (found - 1) == 0  # a power of two: it seldom changes as dumps are added
    assert partitions_for(corpus(10**10, shards=10**6), 100) == MAX_PARTITIONS
    # more than MAX_PARTITIONS only where a shard still has 32 documents for each
    assert partitions_for(corpus(10**10, memory=1 << 28, shards=10**4), 100) == 16384
    assert 10**10 / 10**4 / 16384 >= 32


def test_partitions_grow_with_the_corpus() -> None:
    corpora = [Corpus(10**5, 0, documents, 1 << 30, ()) for documents in (0, 10**6, 10**9, 10**10, 10**11, 10**12)]
    assert [partitions_for(corpus, 560) for corpus in corpora] == [8, 8, 4096, 4096, 16384, 65536]
