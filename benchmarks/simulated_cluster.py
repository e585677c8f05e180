"""An executor of nodes that aren't there: what happens on them is a heap of events, and time jumps from one to the
next.

It behaves as the one on Ray: a queue of tasks in the order in which they were submitted, a core each; nodes come and
are lost. The driver's own work takes time, too: while it lays out, submits and hears of tasks nothing else is heard.
"""

import heapq
import itertools
import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cluster_model import Model
from benchmarks.engine import Silent
from benchmarks.scale_stand_ins import CountedFileSystem, InstantExecutor
from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Started
from dspipe.pipeline.run.executors.ray_cluster import tasks_at_a_time
from dspipe.pipeline.tasks.spec import TaskSpec, sealed

CAUSES = ("driver", "one task", "few tasks", "last tasks", "nodes away")
"""why a core that could be there has no task"""


@dataclass
class _Node:
    number: int
    free: int
    speed: float
    running: dict[tuple[str, int], "_Running"] = field(default_factory=dict)
    lost: bool = False
    listed: bool = False
    """whether it stands among those with room"""


@dataclass
class _Running:
    spec: TaskSpec
    node: _Node
    began: float
    work_s: float
    cancelled: bool = False


@dataclass
class PhaseFigures:
    """What the simulation has seen of a phase."""

    tasks: int = 0
    first: float = 0.0
    last: float = 0.0
    core_s: float = 0.0
    limited_s: float = 0.0
    """core seconds of them in which requests waited for their limit"""
    lost_s: float = 0.0
    """core seconds of starts that came to nothing"""
    starts: int = 0


class SimulatedCluster(InstantExecutor):
    """The executor, and the clock that a scheduler is to go by."""

    def __init__(self, plan: Plan, model: Model, cores: int) -> None:
        super().__init__(plan)
        self._model, self._assumed = model, model.assumed
        self._plan_tasks = {phase.name: plan.tasks(phase) for phase in plan.phases}
        wanted = -(-cores // self._assumed.cores_of_node)
        self.cores = wanted * min(cores, self._assumed.cores_of_node)
        self._now = self._driver_until = 0.0
        self._events: list[tuple[float, int, str, Any]] = []
        self._order = itertools.count()
        self._queue: deque[TaskSpec] = deque()
        self._nodes: dict[int, _Node] = {}
        self._with_room: deque[_Node] = deque()
        self._there = 0
        """cores of the nodes that are there"""
        self._where: dict[tuple[str, int], _Running] = {}
        self._heard: list[Event] = []
        self._limits: dict[str, float] = {}
        self._running_of: Counter[str] = Counter()
        self.phases: dict[str, PhaseFigures] = {}
        self.idle_s = dict.fromkeys(CAUSES, 0.0)
        self.driver_s = 0.0
        self.nodes_lost = 0
        there = max(1, round(wanted * self._assumed.nodes_at_first))
        self._to_come = itertools.count()
        for _ in range(there):
            self._node_comes(self._share_of_cores())
        self._missing = wanted - there
        self._at(self._assumed.doubles_s, "more", None)

    # the clock

    def now(self) -> float:
        """Simulated seconds since the run began."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._advance(self._now + seconds)

    def driver_works(self, seconds: float) -> None:
        """The driver is at work for so long, and hears nothing."""
        self.driver_s += seconds
        self._advance(self._now + seconds, "driver")

    # the executor

    @property
    def capacity(self) -> int:  # type: ignore[override]
        """As on Ray: more than can run."""
        return tasks_at_a_time(self._there, None)

    def submit(self, spec: TaskSpec) -> None:
        """Put the task into the queue."""
        start = time.process_time()
        self._queue.append(spec)
        self._phase(spec.phase).starts += 1
        self._dispatch()
        self.driver_works(self._assumed.laid_out_s + self._assumed.submit_s)
        self.cpu_s += time.process_time() - start

    def wait(self) -> list[Event]:
        """What has happened by now; where nothing has, until something does, a second at most."""
        start = time.process_time()
        if not self._heard:
            self._advance(min(self._now + 1.0, max(self._now, self._events[0][0])) if self._events else self._now + 1.0)
        events, self._heard = self._heard, []
        ended = sum(isinstance(event, Finished) for event in events)
        self.driver_works(ended * self._assumed.ended_s)
        self.cpu_s += time.process_time() - start
        return events

    def cancel(self, spec: TaskSpec) -> None:
        """Free the task's core."""
        running = self._where.get(_id(spec))
        if running is None:
            self._queue = deque(other for other in self._queue if other is not spec)
        else:
            self._leave(running)
            self._phase(spec.phase).lost_s += self._now - running.began
            self._dispatch()

    # what happens

    def _at(self, moment: float, what: str, of: Any) -> None:
        heapq.heappush(self._events, (moment, next(self._order), what, of))

    def _advance(self, until: float, why: str = "") -> None:
        """Let time pass, and everything happen that is due."""
        while self._events and self._events[0][0] <= until:
            moment, _, what, of = heapq.heappop(self._events)
            self._pass(moment, why)
            getattr(self, f"_{what}")(of)
            self._dispatch()
        self._pass(until, why)

    def _pass(self, moment: float, why: str) -> None:
        seconds = moment - self._now
        if seconds <= 0:
            return
        self._now = moment
        for phase, count in self._running_of.items():
            self._phase(phase).core_s += count * seconds
        self.idle_s["nodes away"] += (self.cores - self._there) * seconds
        idle = self._there - len(self._where)
        if not idle:
            return
        running = list(self._running_of)
        if why or not running:
            cause = "driver"
        elif all(self._plan_tasks.get(phase) == 1 for phase in running):
            cause = "one task"
        elif all(self._plan_tasks.get(phase, 1) < self.cores for phase in running):
            cause = "few tasks"
        else:
            cause = "last tasks"
        self.idle_s[cause] += idle * seconds

    def _dispatch(self) -> None:
        while self._queue and self._with_room:
            node = self._with_room[0]
            if node.lost or not node.free:
                self._with_room.popleft()
                node.listed = False
                continue
            spec = self._queue.popleft()
            node.free -= 1
            # nodes take turns, so that a lost one takes some tasks of each phase along
            self._with_room.rotate(-1)
            self._begin(spec, node)

    def _begin(self, spec: TaskSpec, node: _Node) -> None:
        taken = self._model.taken(spec)
        work_s = taken.seconds * node.speed
        answered = max(
            self._limited(f"{spec.phase} read", taken.reads / self._assumed.reads_per_s),
            self._limited(f"{spec.phase} write", taken.writes / self._assumed.writes_per_s),
        )
        ends = max(self._now + work_s, answered)
        running = _Running(spec, node, self._now, work_s)
        self._where[_id(spec)] = node.running[_id(spec)] = running
        self._running_of[spec.phase] += 1
        figures = self._phase(spec.phase)
        figures.limited_s += ends - self._now - work_s
        if not figures.tasks:
            figures.first = min(figures.first or self._now, self._now)
        self._heard.append(Started(spec, f"node {node.number}"))
        self._at(ends, "end", running)

    def _limited(self, prefix: str, seconds: float) -> float:
        """When requests that take so many seconds at the limit of a prefix have all been answered."""
        self._limits[prefix] = max(self._now, self._limits.get(prefix, 0.0)) + seconds
        return self._limits[prefix]

    def _end(self, running: _Running) -> None:
        if running.cancelled:
            return
        self._leave(running)
        spec, figures = running.spec, self._phase(running.spec.phase)
        figures.tasks += 1
        figures.last = self._now
        manifest = sealed({**self._manifest(spec), "seconds": round(self._now - running.began, 3)})
        CountedFileSystem.put(f"{self._root}/{spec.manifest_file}", json.dumps(manifest).encode())
        self._heard.append(Finished(spec, manifest))

    def _leave(self, running: _Running) -> None:
        running.cancelled = True
        del self._where[_id(running.spec)]
        running.node.running.pop(_id(running.spec), None)
        self._running_of[running.spec.phase] -= 1
        if not self._running_of[running.spec.phase]:
            del self._running_of[running.spec.phase]
        if not running.node.lost:
            running.node.free += 1
            self._has_room(running.node)

    def _has_room(self, node: _Node) -> None:
        if not node.listed:
            node.listed = True
            self._with_room.append(node)

    def _lose(self, node: _Node) -> None:
        node.lost = True
        del self._nodes[node.number]
        self._there -= node.free + len(node.running)
        self.nodes_lost += 1
        for running in list(node.running.values()):
            self._phase(running.spec.phase).lost_s += self._now - running.began
            self._leave(running)
            self._at(self._now + self._assumed.lost_after_s, "tell_of_loss", running.spec)
        self._at(self._now + self._assumed.back_s, "node_comes", self._share_of_cores())

    def _tell_of_loss(self, spec: TaskSpec) -> None:
        self._heard.append(Finished(spec, Failure("lost", "the node is gone")))

    def _more(self, _: None) -> None:
        """The cluster grows as an autoscaler lets it."""
        coming = min(self._missing, max(1, len(self._nodes)))
        self._missing -= coming
        for _node in range(coming):
            self._node_comes(self._share_of_cores())
        if self._missing:
            self._at(self._now + self._assumed.doubles_s, "more", None)

    def _node_comes(self, cores: int) -> None:
        number = next(self._to_come)
        node = self._nodes[number] = _Node(number, cores, self._model.node_speed(number))
        self._there += cores
        self._has_room(node)
        self._at(self._now + self._model.seconds_to_loss(number), "lose", node)

    def _share_of_cores(self) -> int:
        return min(self.cores, self._assumed.cores_of_node)

    def _phase(self, name: str) -> PhaseFigures:
        return self.phases.setdefault(name, PhaseFigures())

    def _kept(self, spec: TaskSpec) -> Counts:
        documents = self._model.documents_of(spec.number) if spec.over in ("inputs", "shards") else 0
        return Counts(documents, 4000 * documents, 0)


class DriversTime(Silent):
    """Hears of a run as a terminal does: summing up a phase takes the driver's time."""

    def __init__(self, cluster: SimulatedCluster, seconds_of_task: float) -> None:
        self._cluster, self._seconds = cluster, seconds_of_task

    def phase_ended(self, summary: Any) -> None:
        self._cluster.driver_works(summary.tasks * self._seconds)


def _id(spec: TaskSpec) -> tuple[str, int]:
    return spec.key, spec.attempt
