"""What remix is likely to draw, before there are tokens to count.

The tokenizer is trained on a sample of what is drawn, and what is drawn depends on the tokenizer's counts. So the
mixture is worked out a first time in bytes of text, where a token of `tokens` and `min_tokens` stands for
BYTES_PER_TOKEN. Shares by weight are then shares of bytes: a domain whose tokens are shorter than the others' has a
smaller part of the forecast than it will have of the tokens' text. A budget or minimum that the bytes don't allow is
taken as far as they do; whether it can be met is seen when there are tokens.
"""

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from dspipe.stages.remix.settings import EXPECTED, Config
from dspipe.stages.remix.steps import copies_by_plan, count_domains, plan_counted

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

BYTES_PER_TOKEN = 4
"""Of English text; a mixture with much Chinese and code has 3.3 (tokenizer.schemes)."""


def count_bytes(task: "Task", config: Config) -> None:
    """The shard's documents and bytes by domain and place."""
    count_domains(task, config, "domain_bytes")


def forecast(task: "Task", config: Config) -> None:
    """The mixture in bytes. Raises ConfigError for names of domains that there are not."""
    floors = {name: tokens * BYTES_PER_TOKEN for name, tokens in config.min_tokens.items()}
    budget = None if config.tokens is None else config.tokens * BYTES_PER_TOKEN
    in_bytes = config.model_copy(update={"tokens": budget, "min_tokens": floors})
    with task.make("expected_mixture") as file:
        file.write(json.dumps(plan_counted(task, in_bytes, "domain_bytes", bend=True), indent=1).encode())


def expect(task: "Task", config: Config) -> None:
    """Write how often each document is likely to be seen."""
    for _, copies in copies_by_plan(task, config, "expected_mixture"):
        task.write(pa.RecordBatch.from_arrays([pa.array(copies, pa.int32())], names=[EXPECTED]))
