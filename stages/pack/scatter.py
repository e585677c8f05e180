"""Sending each copy of a document, with its tokens, to the partition of its order key."""

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.drawn import DrawnDocuments, write_counts
from dspipe.stages.pack.settings import FillInTheMiddle
from dspipe.stages.pack.shuffle_keys import partitions_of


def send_documents(task: Task, stage: StageSettings) -> None:
    """Send a shard's drawn documents: partitions have equal parts of the range of order keys. Settings: remixed, and
    where documents are cut at characters `fill_in_the_middle`."""
    middle = stage.settings.get("fill_in_the_middle")
    settings = FillInTheMiddle.model_validate(middle) if middle else None
    documents = DrawnDocuments(task, stage.settings["remixed"], settings)
    for batch in documents.read():
        task.emit(partitions_of(batch.column("key").to_numpy(), task.partitions), batch)
    write_counts(task, documents.counts)
