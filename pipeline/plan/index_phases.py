"""The two phases that make the index of documents by id and address; the engine's own, behind those of the stages."""

from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.planned_phase import STAGES_FUNCTION, PlannedPhase
from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.pipeline.tasks.name_index import ENTRY_BYTES, NAME_INDEX

_MODULE = "dspipe.pipeline.tasks.name_index"


def index_phases(corpus: Corpus) -> list[PlannedPhase]:
    """The two phases that make the index; they read what the text pass wrote and nothing else."""
    partitions = partitions_for(corpus, 2 * ENTRY_BYTES)
    code = code_fingerprint(_MODULE)
    return [
        PlannedPhase(
            name=f"{NAME_INDEX}.send",
            over="shards",
            title="Send each document's id and address",
            stages=(NAME_INDEX,),
            runner=STAGES_FUNCTION,
            payload={"run": f"{_MODULE}:send_names", "stage": NAME_INDEX, "settings": {}},
            depends={"partitions": partitions, "code": code},
            columns=("id", "url"),
            emits=f"{NAME_INDEX}.names",
            partitions=partitions,
        ),
        PlannedPhase(
            name=f"{NAME_INDEX}.sort",
            over="partitions",
            title="Sort them, for `dspipe explain`",
            stages=(NAME_INDEX,),
            runner=STAGES_FUNCTION,
            payload={"run": f"{_MODULE}:sort_names", "stage": NAME_INDEX, "settings": {}},
            depends={"code": code},
            exchange=f"{NAME_INDEX}.names",
            makes_artifacts=(NAME_INDEX,),
        ),
    ]
