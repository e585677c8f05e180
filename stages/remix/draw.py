"""How often each document is drawn by a plan: it depends on the seed, its origin and its domain's plan
alone, with a curve on its score too."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.domain_batches import DomainBatch, read_domains
from dspipe.stages.remix.drawn_epochs import DrawnEpochs
from dspipe.stages.remix.epochs import count_copies
from dspipe.stages.remix.settings import DOMAIN, EXPECTED_COPIES, Grouping


def draw_documents(task: Task, stage: StageSettings) -> None:
    """Write each document's number of copies, its domain, and a reason where it is not drawn."""
    for batch, copies in _apply_plan(task, stage, "mixture"):
        task.count("copies_drawn", int(copies.sum()))
        task.count("tokens_drawn", int((copies * batch.tokens).sum()))
        left_out = pa.array(batch.kept & (copies == 0))
        names = pa.array(batch.names, pa.string())
        columns = [
            pa.array(copies, pa.int32()),
            pa.DictionaryArray.from_arrays(pa.array(batch.codes), names).cast(pa.string()),
            pc.if_else(left_out, f"{stage.name}.not_drawn", batch.reasons),
        ]
        task.write(pa.RecordBatch.from_arrays(columns, names=["copies", DOMAIN, "reason"]))


def expect_copies(task: Task, stage: StageSettings) -> None:
    """Write how often each document is likely to be drawn, by the forecast."""
    for _, copies in _apply_plan(task, stage, "expected"):
        task.write(pa.RecordBatch.from_arrays([pa.array(copies, pa.int32())], names=[EXPECTED_COPIES]))


def _apply_plan(task: Task, stage: StageSettings, name: str) -> Iterator[tuple[DomainBatch, npt.NDArray[np.int32]]]:
    """The shard's documents, and how often each is drawn (int32[documents]): 0 where it was dropped before."""
    grouping = Grouping.model_validate(stage.settings)
    scores = [file.read() for file in task.artifact(f"{name}_scores")] if grouping.score is not None else []
    drawn = DrawnEpochs.from_files(task.artifact(f"{name}_epochs")[0].read(), scores)
    for batch in read_domains(task, grouping, stage.seed, drawn.merged):
        yield batch, count_copies(batch.positions, drawn.of(batch)) * batch.kept
