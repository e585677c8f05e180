from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.partitions import partitions_for


def test_partitions_grow_with_the_corpus() -> None:
    corpora = [Corpus(10**5, 0, documents, 1 << 30, ()) for documents in (0, 10**6, 10**9, 10**10, 10**11, 10**12)]
    assert [partitions_for(corpus, 560) for corpus in corpora] == [8, 8, 4096, 4096, 16384, 65536]
