"""What a run leaves of its kept documents for later runs: hashes and ids (`shared.dedup.kept_index`).

An index has `key` (the upper half of the hash), `low` (the lower), `document` and `id`.
"""

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.exact_dedup.hashed_rows import send_hashes


def send_kept(task: Task, stage: StageSettings) -> None:
    """Send the hashes and ids of all kept documents to the index. Settings: by, `text` or `url`."""
    send_hashes(task, stage, ["id"])
