"""A phase as the engine runs it: what a stage asks for, with all that the phase's tasks have in common."""

from dataclasses import dataclass, field
from typing import Any, Literal

JUDGING = "dspipe.pipeline.tasks.judge:run"
"""the runner of phases in which neighbouring map stages judge"""
STAGES_FUNCTION = "dspipe.pipeline.tasks.task:run_stages_function"
"""the runner of phases that name a function"""
COUNTED = ("domain", "text_bytes", "tokens")
"""the columns, as far as they are there, that a phase with a part in the funnel is given"""
Over = Literal["inputs", "shards", "partitions", "once", "sender_groups"]
"""What a phase has a task for: each group of input files (the text pass), each shard, each partition of an exchange,
one in all, or each range of partitions of each group of senders whose files are merged."""


@dataclass(frozen=True)
class PlannedPhase:
    """A phase with all that its tasks have in common. The fields that a `Phase` has mean what they mean there."""

    name: str
    over: Over
    title: str
    stages: tuple[str, ...]
    runner: str
    """`module:function` of the engine, called with the task and its payload"""
    payload: dict[str, Any]
    depends: dict[str, Any]
    """what every task's key covers: code and settings"""
    columns: tuple[str, ...] = ()
    exchange: str | None = None
    also_receives: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    own_artifacts: tuple[str, ...] = ()
    all_shards_columns: tuple[str, ...] = ()
    schema: str = ""
    """the Arrow schema of the row columns written, in hexadecimal; empty: none"""
    written: tuple[str, ...] = ()
    """their names"""
    emits: str | None = None
    partitions: int = 0
    makes_artifacts: tuple[str, ...] = ()
    products: bool = False
    on_demand: bool = False
    sample_bytes: int | None = None
    measures: bool = False
    """whether stages see texts in it, where a record that ends workers is found and left out"""
    gpus: float = 0.0
    """what each of its tasks reserves of a GPU on a Ray cluster"""
    group: int = 1
    """over groups of senders: how many senders' files are merged"""
    width: int = 0
    """over groups of senders: of how many partitions each task merges the records"""
    ranges: int = 1
    """over groups of senders: how many tasks merge the files of a group"""
    notes: tuple[str, ...] = field(default=())
    """what else `dspipe plan` says of it"""

    @property
    def by_record(self) -> bool:
        """Whether its tasks go record by record, and can leave out single ones."""
        return self.measures or self.judges

    @property
    def by_shard_alone(self) -> bool:
        """Whether each of its tasks needs its own shard only, as phases before have left it."""
        return self.over == "shards" and not (self.exchange or self.artifacts or self.all_shards_columns)

    @property
    def judges(self) -> bool:
        """Whether its stages judge each document by itself."""
        return self.runner == JUDGING

    @property
    def decides(self) -> bool:
        """Whether it gives verdicts on documents that are there already."""
        return "reason" in self.written and self.over != "inputs"

    @property
    def counts(self) -> bool:
        """Whether it has a part in the funnel: it gives verdicts, or changes the texts."""
        return self.decides or ("text_bytes" in self.written and self.over != "inputs")

    def needs(self) -> set[str]:
        """Names of what must have been made before: row columns, exchanges and artifacts."""
        columns = {name for name in (*self.columns, *self.all_shards_columns) if name != "reason"}
        artifacts = {f"artifact {name}" for name in (*self.artifacts, *self.own_artifacts)}
        return columns | artifacts | {f"exchange {name}" for name in self.receives()}

    def reads(self) -> set[str]:
        """All that its tasks may see of what phases make: what it needs, and columns that come with them."""
        names = self.needs()
        if self.over == "shards" or self.all_shards_columns:
            names |= {"id", "reason"}
        if self.counts:
            names |= set(COUNTED)
        return names

    def receives(self) -> tuple[str, ...]:
        """The exchanges that are read."""
        return (self.exchange, *self.also_receives) if self.exchange else ()

    def gives(self) -> set[str]:
        """Names of what there is after it."""
        artifacts = {f"artifact {name}" for name in self.makes_artifacts}
        return set(self.written) | artifacts | ({f"exchange {self.emits}"} if self.emits else set())
