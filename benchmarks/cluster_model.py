"""How long the tasks of a simulated cluster take (`benchmarks.cluster`): what was measured, what is assumed.

Measured (`benchmarks/cluster_rates.json`): CPU seconds of each phase by task and by document, bytes written, and the
spread between like tasks. Assumed, since no cluster was at hand: all of `Assumptions`.
"""

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import xxhash

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.tasks.spec import TaskSpec

RATES = Path(__file__).with_name("cluster_rates.json")
READS_OF_TASK = 8
"""GETs and HEADs of a task beside those to exchanges and artifacts: most phases took 2 to 15 (`benchmarks.dump
--requests`), and `dspipe plan` counts as many"""


@dataclass(frozen=True)
class Assumptions:
    """What isn't measured."""

    cores_of_node: int = 40
    request_s: float = 0.03
    """an answer's first byte (S3's documentation: 100 to 200 ms at worst; 30 ms is what is seen mostly)"""
    at_a_time: int = 32
    """requests that a task has on their way (`pipeline.storage.s3`)"""
    bytes_per_s: float = 50e6
    """of one core: what a stream from S3 gives; its part of a node's 25 Gbit/s is 78e6"""
    reads_per_s: float = 5500
    """of all tasks together below one prefix, which a phase's folder is (S3's documentation)"""
    writes_per_s: float = 3500
    slow_share: float = 0.005
    """tasks that straggle: their time is multiplied by a draw from a Pareto distribution"""
    slow_alpha: float = 1.5
    slow_least: float = 2.0
    slow_most: float = 30.0
    slow_nodes: float = 0.1
    """standard deviation of the logarithm of nodes' speeds"""
    losses_per_node_hour: float = 0.02
    """nodes that are lost; half a spot instance's in a day is 0.03"""
    back_s: float = 300.0
    """until another one stands in for it"""
    lost_after_s: float = 30.0
    """until a cluster calls a node dead that says nothing"""
    nodes_at_first: float = 0.25
    """share of the nodes that are there at the beginning; the number doubles every `doubles_s` seconds"""
    doubles_s: float = 60.0
    train_s: float = 300.0
    """the one task in which a tokenizer of 100,000 tokens is trained on what was counted in 24 GB; 3.6 GB took 212 CPU
    seconds with the counting"""
    laid_out_s: float = 0.00003
    submit_s: float = 0.00002
    ended_s: float = 0.00002
    summed_up_s: float = 0.00003
    """of the driver, for each task: its key, its submission, its end, and its part of the phase's record. Together the
    0.1 ms that `benchmarks.scale` measures at 100,000 shards"""


@dataclass
class Taken:
    """What a task takes on a core of usual speed."""

    seconds: float
    """at work or waiting for answers"""
    reads: int
    writes: int
    """requests, which are below the phase's folder and that of its exchange"""


class Model:
    """Seconds and requests of tasks. Every draw depends on the seed, the task and which of its starts it is."""

    def __init__(self, plan: Plan, assumed: Assumptions, seed: int, rates: dict[str, Any] | None = None) -> None:
        """rates: as `benchmarks.cluster_rates` prints them; None: those that are kept."""
        self.assumed, self._plan, self._seed = assumed, plan, seed
        rates = rates or json.loads(RATES.read_text())
        self._page_s: float = rates["page_s"]
        self._spread: float = rates["spread"]
        self._phases: dict[str, dict[str, float]] = rates["phases"]
        self.documents = int(plan.phases[0].payload["documents"])
        self._by_name = {phase.name: phase for phase in plan.phases}
        self._tasks = {phase.name: plan.tasks(phase) for phase in plan.phases}
        self._starts: Counter[str] = Counter()
        self._files: dict[str, int] = {}
        """files of an exchange as its receivers find them"""
        self._bytes: dict[str, float] = defaultdict(float)
        for phase in plan.phases:
            if phase.emits:
                self._files[phase.emits] = self._tasks[phase.name] // phase.ranges
                if phase.over != "sender_groups":
                    self._bytes[phase.emits] = self._rate(phase.name)["document_bytes_sent"] * self.documents
        unknown = [phase.name for phase in plan.phases if phase.name not in self._phases and phase.over != "inputs"]
        if unknown:
            raise SystemExit(f"{RATES.name} has no rates of {', '.join(unknown)}")

    def documents_of(self, shard: int) -> int:
        """A shard's documents: they differ as those of Common Crawl's files do, by a few per cent."""
        return max(
            1, round(self.documents / len(self._plan.shards) * math.exp(0.05 * self._draw("shard", shard).gauss(0, 1)))
        )

    def taken(self, spec: TaskSpec) -> Taken:
        """What a start of a task takes. A second start has luck of its own."""
        phase, assumed = self._by_name[spec.phase], self.assumed
        work, reads, moved = self._work(phase, spec), READS_OF_TASK, self._moved(phase, spec)
        if phase.over == "sender_groups":
            reads += 2 * phase.group
        else:
            reads += sum(2 * self._files[exchange] for exchange in phase.receives())
        if phase.over == "once":
            reads += sum(self._made(name) for name in phase.artifacts)
        waiting = assumed.request_s * (3 + reads / assumed.at_a_time) + moved / assumed.bytes_per_s
        self._starts[spec.key] += 1
        draw = self._draw(spec.phase, spec.number, self._starts[spec.key])
        luck = math.exp(self._spread * draw.gauss(0, 1))
        if draw.random() < assumed.slow_share:
            luck *= min(assumed.slow_most, assumed.slow_least * draw.paretovariate(assumed.slow_alpha))
        return Taken((work + waiting) * luck, reads, 3)

    def node_speed(self, node: int) -> float:
        """By which the seconds of a node's tasks are multiplied."""
        return math.exp(self.assumed.slow_nodes * self._draw("node", node).gauss(0, 1))

    def seconds_to_loss(self, node: int) -> float:
        """Until a node is lost, from when it came."""
        rate = self.assumed.losses_per_node_hour / 3600
        return self._draw("loss", node).expovariate(rate) if rate else math.inf

    def _work(self, phase: PlannedPhase, spec: TaskSpec) -> float:
        """CPU seconds."""
        if phase.over == "inputs":
            return self._page_s * self.documents_of(spec.number)
        if phase.name == "tokenizer.train":
            return self.assumed.train_s
        rate = self._rate(phase.name)
        of_task = self.documents_of(spec.number) if phase.over == "shards" else self.documents / self._tasks[phase.name]
        if phase.over == "once":
            return rate["task_s"] + rate["shard_s"] * len(self._plan.shards)
        return rate["task_s"] + rate["document_s"] * of_task

    def _moved(self, phase: PlannedPhase, spec: TaskSpec) -> float:
        """Bytes that are read and written."""
        written = self._rate(phase.name)["document_bytes"] * self.documents / self._tasks[phase.name]
        read = sum(self._bytes[exchange] for exchange in phase.receives()) / self._tasks[phase.name]
        if phase.over == "inputs":
            read += sum(file.size or 1 << 30 for file in self._plan.shards[spec.number].files)
        if phase.over == "sender_groups":
            read, written = (self._bytes[phase.exchange or ""] / self._tasks[phase.name],) * 2
        if "text" in phase.columns:
            read += 4000 * self.documents / self._tasks[phase.name]
        return read + written

    def _made(self, artifact: str) -> int:
        return sum(self._tasks[phase.name] for phase in self._plan.phases if artifact in phase.makes_artifacts)

    def _rate(self, phase: str) -> dict[str, float]:
        return self._phases[phase]

    def _draw(self, *of: Any) -> Random:
        return Random(xxhash.xxh64_intdigest(repr((self._seed, *of)).encode()))
