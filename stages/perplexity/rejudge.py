"""What `perplexity` would decide if other documents came to it: its buckets cut anew, from the stored scores."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.stages.perplexity.bucket_steps import BINS, BUCKETS, add_scores, bucket_starts, buckets_of
from dspipe.stages.shared.quantiles import Histograms

_COLUMNS = ("perplexity", "language")


def rejudge(name: str, before: Settings, after: Settings, documents: RunDocuments) -> Rejudged:
    """Exact. Settings: `head`, `middle` and `keep`, of the run and now."""
    counted = [Histograms(), Histograms()]
    for first, batch in documents.read(_COLUMNS):
        for histograms, come in zip(counted, (documents.entered, documents.enters), strict=True):
            add_scores(histograms, batch, come[first : first + batch.num_rows])
    pairs = zip(counted, (before, after), strict=True)
    were, are = (bucket_starts(found.counts, settings["head"], settings["middle"]) for found, settings in pairs)
    codes = np.full(len(documents.enters), -1, np.int32)
    dropped = [bucket for bucket in BUCKETS if after["keep"] is not None and bucket not in after["keep"]]
    for first, batch in documents.read(_COLUMNS):
        places = pc.index_in(buckets_of(batch, are), pa.array(dropped, pa.string()))
        codes[first : first + batch.num_rows] = places.fill_null(-1).to_numpy(zero_copy_only=False)
    table = [
        {
            "language": group,
            "begins": bucket,
            "before": BINS.start(were[group][place]) if group in were else None,
            "after": BINS.start(are[group][place]) if group in are else None,
        }
        for group in sorted({*were, *are})
        for place, bucket in enumerate(BUCKETS[1:])
    ]
    return Rejudged([f"{name}.{bucket}" for bucket in dropped], codes, tables={"thresholds": table})
