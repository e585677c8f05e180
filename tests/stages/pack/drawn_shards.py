"""Input shards after the draw, for the tests of packing's phases: documents whose tokens are small numbers."""

from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.tasks.origins import origins_of
from dspipe.stages.remix.mixture_plan import PhaseOrder
from tests.tasks import Inputs
from tests.toys.tokenizer import tokenizer_json

Document = dict[str, Any]
END, PAD = 257, 258
TOKENIZER = tokenizer_json(wide=False)


def make_document(id: str, tokens: list[int], copies: int = 1, domain: str = "web") -> Document:
    """A document that was drawn so many times; None: dropped before."""
    return {"id": id, "tokens": tokens, "copies": copies, "domain": domain}


def make_inputs(documents: list[Document], remixed: bool = True, group: int = 2, width: int = 2) -> Inputs:
    """The inputs of a task over the shard of these documents, in row groups of `group` rows."""
    batches = []
    for start in range(0, len(documents), group):
        part = documents[start : start + group]
        drawn = [document["copies"] > 0 for document in part]
        columns = {
            "id": pa.array([document["id"] for document in part]),
            "origin": pa.array(origins_of("made", pa.array([document["id"] for document in part], pa.string()))),
            "source": pa.array(["made"] * len(part)),
            "remix.domain" if remixed else "domain": pa.array([document["domain"] for document in part]),
            "tokens": pa.array([len(document["tokens"]) for document in part], pa.int64()),
            "reason": pa.array([None if one else "remix.not_drawn" for one in drawn], pa.string()),
        }
        if remixed:
            columns["copies"] = pa.array([document["copies"] for document in part], pa.int32())
        batches.append(pa.record_batch(columns))
    ids = np.concatenate([np.array(document["tokens"], f"<u{width}") for document in documents])
    return Inputs(
        columns=batches,
        artifacts={"mixture_phases": [PhaseOrder().to_json()], "tokenizer": [TOKENIZER]},
        own_artifacts={"token_ids.bin": ids.tobytes()},
    )
