"""Into how many partitions an exchange is cut: planned from what is known of the corpus before any of it is read."""

from dspipe.pipeline.stage import Corpus

MIN_PARTITIONS = 8
MAX_PARTITIONS = 1 << 12
MAX_PARTITIONS_OF_LARGE_SHARDS = 1 << 16
DOCUMENTS_OF_MESSAGE = 32
"""a sender has a message for each partition: with more than MAX_PARTITIONS each is to hold so many documents' records,
or it would be mostly its own head. A partition that is larger than the memory goes through slices"""


def partitions_for(corpus: Corpus, bytes_per_document: float) -> int:
    """Partitions such that what each receives takes about an eighth of a worker's memory.

    `bytes_per_document` is what all records of a document take in memory. A power of two from MIN_PARTITIONS to
    MAX_PARTITIONS, or more where shards are large: it seldom changes as dumps are added, and a change does the
    exchange again.
    """
    enough = corpus.documents * bytes_per_document / (corpus.memory / 8)
    of_shard = corpus.documents // max(1, corpus.shards)
    limit = max(MAX_PARTITIONS, min(MAX_PARTITIONS_OF_LARGE_SHARDS, of_shard // DOCUMENTS_OF_MESSAGE))
    return min(1 << (limit.bit_length() - 1), max(MIN_PARTITIONS, 1 << int(enough).bit_length()))
