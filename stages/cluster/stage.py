"""Groups of documents that nobody has named: k-means over vectors, named by their typical words.

    - cluster: {clusters: 24} # behind `- embed: {}`
    - cluster: {name: topics, of: topics.vectors, clusters: 100, min_share: 0.01, duplicates_above: 0.95}

Vectors are those of `embed`. A sample of what is still kept, chosen by a hash of the run's seed and of where documents
come from, is gathered in one task, which finds the centers by k-means with cosines around the sample's mean; its memory
is that of the sample, whatever the corpus. Clusters with less than `min_share` of the sample are given up, one after
the other from the smallest, and their documents go to the nearest others. Each shard then looks for the nearest center
of each of its documents.

Adds

    <name>           string, the cluster: its number, 01 for the largest, and its most typical words:
                     "03 recipe, oven, salt"
    <name>.number    int32
    <name>.distance  float32, 1 - cosine to the cluster's center (0 at it, 2 opposite to it)

all null for documents that were dropped before and for those without a vector. `remix: {by: <name>}` mixes by them,
`where` and quantiles take the distance.

Typical words are those whose log-odds between the cluster and the rest, with all words as prior, are the most standard
errors above 0 (Monroe, Colaresi and Quinn 2008, "Fightin' Words"); counted once a document in a bounded sample.

With `duplicates_above` documents are dropped whose meaning, as far as vectors know it, another one has that came before
them in the same cluster: SemDeDup (Abbas et al. 2023). Clusters are cut into cells by the documents of the sample that
are nearest, for all pairs of a large cluster would take too long; within a cell the result is exact for the vectors as
they are stored: every dropped document has a kept one with at least this cosine, and no two kept ones have it. Pairs
that lie across a border of cells stay both. Of a group the one of the oldest dump is kept.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, NamedConfig, Phase
from dspipe.pipeline.storage.partitions import partitions_for

_STEPS = "dspipe.stages.cluster.steps"
_WORDS = "dspipe.stages.cluster.names"
_DUPLICATES = "dspipe.stages.cluster.duplicates"
_RECORD_BYTES = 300
_OVERSAMPLED = 16
"""how many times the sample shards send: most documents of a crawl may have been dropped, and their number is an
estimate"""


class ClusterConfig(NamedConfig):
    """Settings of `cluster`."""

    of: str = "embed"
    """The column with vectors: the name of an `embed` stage."""

    clusters: int = Field(ge=1, le=10_000)
    """How many clusters to look for."""

    min_share: float | None = Field(default=None, ge=0, le=0.5)
    """The share of documents that a cluster must have; smaller ones are merged into their nearest. Default: a tenth of
    an even share."""

    sample: int = Field(default=100_000, ge=100, le=1_000_000)
    """Documents that the centers are found with. The task that does so takes some four times their vectors' memory."""

    duplicates_above: float | None = Field(default=None, gt=0, le=1)
    """Drop documents whose cosine to an earlier one of the same cluster is this or more. Default: none."""


class ClusterStage(GlobalStage[ClusterConfig]):
    """Drops with `cluster.semantic_duplicate`."""

    Config = ClusterConfig

    def check_columns(self, known: Mapping[str, pa.DataType]) -> None:
        name = self.config.of
        if name in known and not pa.types.is_fixed_size_binary(known[name]):
            raise ConfigError(f"{name} is {known[name]}, no vectors: name a stage `embed`", ("of",))

    def compile_kernels(self) -> None:
        import numpy as np

        from dspipe.kernels.vectors.kmeans import find_centers
        from dspipe.kernels.vectors.similar import find_similar

        vectors = np.ones((2, 16), np.int8)
        find_centers(vectors, 1)
        find_similar(vectors, np.array([0, 2]), 0.5)

    def phases(self, corpus: Corpus) -> list[Phase]:
        return [*self._grouping(corpus), *(self._dropping(corpus) if self.config.duplicates_above else ())]

    def _grouping(self, corpus: Corpus) -> Iterator[Phase]:
        name, of, config = self.name, self.config.of, self.config
        even = 1 / config.clusters
        least = even / 10 if config.min_share is None else config.min_share
        finding = {"clusters": config.clusters, "sample": config.sample, "min_share": least}
        yield Phase(
            f"{name}.sample",
            "shards",
            run=f"{_STEPS}:sample_vectors",
            title="Draw a sample of the vectors",
            # a power of two: it seldom changes as dumps are added
            settings={"of": of, "one_in": _one_in(corpus.documents, config.sample), "most": config.sample},
            columns=("origin", "reason", of),
            makes_artifacts=(f"{name}.sample",),
        )
        yield Phase(
            f"{name}.centers",
            "once",
            run=f"{_STEPS}:make_centers",
            title="Find the clusters in the sample",
            settings=finding,
            artifacts=(f"{name}.sample",),
            makes_artifacts=(f"{name}.centers",),
        )
        yield Phase(
            f"{name}.assign",
            "shards",
            run=f"{_STEPS}:assign",
            title="Look for each document's nearest cluster",
            settings={"of": of},
            columns=("reason", "text_bytes", of),
            artifacts=(f"{name}.centers",),
            writes=(pa.field(f"{name}.number", pa.int32()), pa.field(f"{name}.distance", pa.float32())),
            makes_artifacts=(f"{name}.sizes",),
        )
        yield Phase(
            f"{name}.words",
            "shards",
            run=f"{_WORDS}:count_words",
            title="Count the words of some documents of each cluster",
            settings={"shards": 1 << (max(1, corpus.shards) - 1).bit_length()},
            columns=("reason", "origin", "text", f"{name}.number"),
            makes_artifacts=(f"{name}.words",),
        )
        yield Phase(
            f"{name}.names",
            "once",
            run=f"{_WORDS}:find_names",
            title="Name the clusters",
            artifacts=(f"{name}.sizes", f"{name}.words"),
            makes_artifacts=(f"{name}.names",),
        )
        yield Phase(
            f"{name}.label",
            "shards",
            run=f"{_WORDS}:write_names",
            title="Write each document's cluster",
            columns=(f"{name}.number",),
            artifacts=(f"{name}.names",),
            writes=(pa.field(name, pa.string()),),
        )

    def _dropping(self, corpus: Corpus) -> Iterator[Phase]:
        name, of = self.name, self.config.of
        yield Phase(
            f"{name}.cells",
            "once",
            run=f"{_DUPLICATES}:choose_cells",
            title="Cut the clusters into cells",
            settings={"documents": 1 << max(1, corpus.documents).bit_length()},
            artifacts=(f"{name}.sample", f"{name}.centers"),
            makes_artifacts=(f"{name}.cells",),
        )
        yield Phase(
            f"{name}.send",
            "shards",
            run=f"{_DUPLICATES}:send_vectors",
            title="Send each document's vector to its cell",
            settings={"of": of},
            columns=("reason", of, f"{name}.number"),
            artifacts=(f"{name}.cells",),
            emits=f"{name}.vectors",
            partitions=partitions_for(corpus, _RECORD_BYTES),
        )
        yield Phase(
            f"{name}.compare",
            "partitions",
            run=f"{_DUPLICATES}:find_duplicates",
            title="Compare the vectors of each cell",
            settings={"duplicates_above": self.config.duplicates_above},
            exchange=f"{name}.vectors",
            emits=f"{name}.duplicates",
        )
        yield Phase(
            f"{name}.verdicts",
            "shards",
            run=f"{_DUPLICATES}:write_verdicts",
            title="Drop semantic duplicates",
            columns=("reason",),
            exchange=f"{name}.duplicates",
            writes=(pa.field("reason", pa.string()),),
        )


def _one_in(documents: int, sample: int) -> int:
    """How many documents there are for one that a shard sends, a power of two."""
    return 1 << max(0, (documents // (sample * _OVERSAMPLED)).bit_length() - 1)
