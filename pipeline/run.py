"""plan -> tasks -> manifests: what has a committed key is not done again, everything else is."""

import contextlib
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from pipeline.code import code_fingerprint
from pipeline.config import InvalidConfig
from pipeline.executors.interface import Ended, Event, Executor, Failure, Moved
from pipeline.funnel import Funnel
from pipeline.hashing import key_of
from pipeline.plan import DOCUMENTS, Plan, PlannedPhase
from pipeline.schedule import RunFailed, Scheduler
from pipeline.stale import remove_stale
from pipeline.stats import RUN_FILE
from pipeline.store import Store, storage_error
from pipeline.task import ConservationError, Manifest, TaskSpec


class Progress(Protocol):
    """Hears how a run gets on."""

    def phase(self, name: str, tasks: int, done: int, bytes: int) -> None:
        """A phase begins: its tasks, how many of them were done before, the input bytes of the others."""

    def moved(self, documents: int, bytes: int) -> None:
        """A task got on by so many documents and bytes."""

    def ended(self) -> None:
        """A task ended."""

    def phase_ended(self, summary: "PhaseSummary") -> None:
        """A phase ended."""


@dataclass
class PhaseSummary:
    """What is known of a phase when it has ended: sums over its tasks."""

    name: str
    stages: list[str]
    tasks: int
    reused: int
    seconds: float
    """of worker time, summed over the tasks whenever they ran"""
    bytes_written: int
    counters: dict[str, int]
    funnel: list[Funnel]
    manifests: list[str]
    notes: dict[str, Any]
    """of phases that are one task"""
    inputs: str | None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "funnel": [entry.as_json() for entry in self.funnel]}


@dataclass
class RunResult:
    """A run that has ended well."""

    store: Store
    phases: list[PhaseSummary] = field(default_factory=list)
    tasks_run: int = 0


@dataclass
class State:
    """What the phases done so far have made."""

    columns: list[dict[str, list[str]]]
    groups: list[list[int]]
    exchanges: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    artifacts: dict[str, list[list[Any]]] = field(default_factory=dict)
    single: list[str] = field(default_factory=list)
    """files of artifacts made by phases of one task"""
    files: set[str] = field(default_factory=set)
    """all that the manifests so far name, and themselves"""


def run_plan(plan: Plan, executor: Executor, progress: Progress) -> RunResult:
    """Run a plan to its end. Raises RunFailed, ConservationError, StorageError, InvalidConfig; resumable after any."""
    store = Store(plan.config.output)
    store.prepare()
    try:
        with _locked(store, plan):
            return _run_phases(plan, store, executor, progress)
    except OSError as error:
        raise storage_error(error, str(error.filename or store.root), "use") from error


def _run_phases(plan: Plan, store: Store, executor: Executor, progress: Progress) -> RunResult:
    _same_run(store, plan)
    warmed = not executor.one_machine
    store.write_bytes("config.yaml", yaml.safe_dump(plan.config.raw, sort_keys=False, allow_unicode=True).encode())
    result, state = RunResult(store), empty_state(plan)
    for phase in plan.phases:
        specs = task_specs(plan, phase, state, store)
        done = committed(store, phase, specs)
        if not warmed and len(done) < len(specs):
            _warm(plan, executor, progress)
            warmed = True
        summary, manifests = _run_phase(plan, phase, specs, done, executor, progress)
        result.tasks_run += summary.tasks - summary.reused
        _check_conservation(phase, manifests, summary, result.phases, plan)
        _absorb(phase, manifests, state)
        state.files.update([summary.inputs] if summary.inputs else [])
        result.phases.append(summary)
        _write_run(store, plan, result, state, finished=False)
    _publish(store, state)
    _write_run(store, plan, result, state, finished=True)
    if not plan.config.engine.keep_stale:
        remove_stale(store, state.files)
    return result


def empty_state(plan: Plan) -> State:
    """Nothing made yet."""
    return State([{} for _ in plan.shards], [[] for _ in plan.shards])


def absorb_committed(plan: Plan, phase: PlannedPhase, specs: list[TaskSpec], state: State, store: Store) -> int:
    """How many of a phase's tasks are done; when all are, what they made is added to the state."""
    manifests = committed(store, phase, specs)
    done = sum(spec.key in manifests for spec in specs)
    if done == len(specs):
        _absorb(phase, [manifests[spec.key] for spec in specs], state)
    return done


def task_specs(plan: Plan, phase: PlannedPhase, state: State, store: Store | None) -> list[TaskSpec]:
    """The tasks of a phase, once all phases before it are done. `store`: where to write the list of shared inputs."""
    engine = plan.config.engine
    listing, shared = _listing(phase, state)
    inputs = None
    if listing is not None:
        inputs = f"{phase.name}/inputs-{key_of(listing)[:12]}.json"
        if store is not None and not store.exists(inputs):
            store.write_json(inputs, listing)
    formats = [code_fingerprint("pipeline.rows"), code_fingerprint("pipeline.exchange")]
    specs = []
    for number in range(plan.tasks(phase)):
        depends: dict[str, Any] = {**phase.depends, "shared": shared, "formats": formats}
        payload = phase.payload
        columns: dict[str, list[str]] = {}
        if phase.name == DOCUMENTS:
            shard = plan.shards[number]
            source = plan.config.sources[shard.source]
            files = [[file.name, file.fingerprint, file.size] for file in shard.files]
            depends |= {"source": plan.readers[shard.source], "files": files}
            payload = {
                **payload,
                "source": source.config.model_dump(mode="json", exclude_unset=True),
                "files": [[file.path, file.name, file.size, file.fingerprint] for file in shard.files],
            }
        elif phase.over == "shards":
            columns, read = _columns(phase, state.columns[number])
            depends |= {"columns": read, "groups": state.groups[number]}
            if phase.exchange is not None:
                depends |= {"number": number}
        else:
            depends |= {"number": number}
        specs.append(
            TaskSpec(
                key=key_of({"phase": phase.name, **depends}),
                phase=phase.name,
                label=f"{number:05d}",
                runner=phase.runner,
                payload=payload,
                root=plan.config.output,
                seed=plan.config.seed,
                memory=engine.memory,
                batch_rows=engine.batch_rows,
                batch_bytes=engine.batch_bytes,
                shards=len(plan.shards),
                number=number,
                over=phase.over,
                columns=columns,
                groups=state.groups[number] if phase.over == "shards" and phase.name != DOCUMENTS else [],
                inputs=inputs,
                exchange=phase.exchange,
                writes=phase.writes,
                emits=phase.emits,
                partitions=phase.partitions or len(plan.shards),
            )
        )
    return specs


def _warm(plan: Plan, executor: Executor, progress: Progress) -> None:
    from pipeline.warm import PHASE, warm_specs

    specs = warm_specs(plan)
    progress.phase(PHASE, len(specs), 0, 0)

    def heard(event: Event) -> None:
        if isinstance(event, Ended):
            progress.ended()

    Scheduler(executor, 0, heard).run(specs)


def _run_phase(
    plan: Plan,
    phase: PlannedPhase,
    specs: list[TaskSpec],
    manifests: dict[str, Manifest],
    executor: Executor,
    progress: Progress,
) -> tuple[PhaseSummary, list[Manifest]]:
    reused = sum(spec.key in manifests for spec in specs)
    # shards that are alike in all that a phase reads (empty ones, say) are one task
    waiting = list({spec.key: spec for spec in specs if spec.key not in manifests}.values())
    todo_bytes = sum(plan.shards[spec.number].bytes for spec in waiting) if phase.name == DOCUMENTS else 0
    progress.phase(phase.name, len(specs), reused, todo_bytes)

    def heard(event: Event) -> None:
        if isinstance(event, Moved):
            progress.moved(event.documents, event.bytes)
        elif isinstance(event, Ended) and not isinstance(event.answer, Failure):
            progress.ended()

    manifests |= Scheduler(executor, plan.config.engine.retries, heard).run(waiting)
    ordered = [manifests[spec.key] for spec in specs]
    summary = PhaseSummary(
        name=phase.name,
        stages=list(phase.stages),
        tasks=len(specs),
        reused=reused,
        seconds=round(sum(manifest["seconds"] for manifest in ordered), 3),
        bytes_written=sum(file["bytes"] for manifest in ordered for file in manifest["files"]),
        counters=_summed(ordered),
        funnel=_merged(ordered),
        manifests=[manifest["file"] for manifest in ordered],
        notes=ordered[0]["notes"] if phase.over == "once" else {},
        inputs=specs[0].inputs if specs else None,
    )
    progress.phase_ended(summary)
    return summary, ordered


def committed(store: Store, phase: PlannedPhase, specs: list[TaskSpec]) -> dict[str, Manifest]:
    """The manifests of the tasks that are done already, by key."""
    there = set(store.names(phase.name))
    by_key = {name.partition("-")[2].partition(".")[0]: name for name in there if name.endswith(".manifest.json")}
    # found by key alone: the same work may stand at another place now (a shard was added before it)
    wanted = list(dict.fromkeys(by_key[spec.key[:12]] for spec in specs if spec.key[:12] in by_key))
    manifests = store.read_json_many([f"{phase.name}/{name}" for name in wanted])
    keys = {spec.key for spec in specs}
    return {
        manifest["key"]: manifest
        for manifest in manifests
        # a file that the manifest names may have been removed by hand
        if manifest["key"] in keys and all(file["file"].rpartition("/")[2] in there for file in manifest["files"])
    }


def _columns(phase: PlannedPhase, there: dict[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The columns that a task over a shard is given, and the hashes of those that it depends on."""
    names = {*phase.columns, "id", "reason"}
    if phase.decides:
        names |= {"domain", "text_bytes", "tokens"}
    columns = {name: there[name] for name in sorted(names) if name in there}
    return columns, {name: place[1] for name, place in columns.items()}


def _listing(phase: PlannedPhase, state: State) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What the tasks of a phase share: the files to read, and the part of their keys that stands for it."""
    if not (phase.exchange or phase.artifacts or phase.everywhere):
        return None, {}
    exchanges = {phase.exchange: state.exchanges[phase.exchange]} if phase.exchange else {}
    artifacts = {name: state.artifacts[name] for name in phase.artifacts}
    names = {*phase.everywhere, "id", "reason"} if phase.everywhere else set()
    everywhere = [
        ({name: there[name] for name in sorted(names) if name in there}, groups)
        for there, groups in zip(state.columns, state.groups, strict=True)
    ]
    listing = {
        "exchanges": {name: [[sender, file] for sender, file, _ in files] for name, files in exchanges.items()},
        "artifacts": artifacts,
        "everywhere": [{"columns": places, "groups": groups} for places, groups in everywhere if phase.everywhere],
    }
    shared = key_of(
        [
            {name: [[sender, digest] for sender, _, digest in files] for name, files in exchanges.items()},
            {name: [[entry[0], entry[3]] for entry in files] for name, files in artifacts.items()},
            [[{name: place[1] for name, place in places.items()}, groups] for places, groups in everywhere if names],
        ]
    )
    return listing, {"shared": shared}


def _absorb(phase: PlannedPhase, manifests: list[Manifest], state: State) -> None:
    if phase.emits:
        state.exchanges[phase.emits] = []
    for name in phase.makes:
        state.artifacts[name] = []
    for number, manifest in enumerate(manifests):
        state.files.update([manifest["file"], *[file["file"] for file in manifest["files"]]])
        if phase.name == DOCUMENTS:
            state.columns[number], state.groups[number] = dict(manifest["columns"]), manifest["groups"]
        elif phase.over == "shards":
            state.columns[number] |= manifest["columns"]
        for file in manifest["files"]:
            if file["kind"] == "exchange":
                state.exchanges[file["name"]].append((number, file["file"], file["sha256"]))
            elif file["kind"] == "artifact":
                if file["name"] not in phase.makes:
                    raise RunFailed(f"{phase.name} made the artifact {file['name']}, which its phase doesn't name")
                state.artifacts[file["name"]].append([number, file["file"], file["bytes"], file["sha256"]])
                if phase.over == "once":
                    state.single.append(file["file"])


def _check_conservation(
    phase: PlannedPhase, manifests: list[Manifest], summary: PhaseSummary, before: list[PhaseSummary], plan: Plan
) -> None:
    """documents in = documents out + dropped by reason + quarantined, in every task and over the phase."""
    if phase.name == DOCUMENTS:
        for manifest in manifests:
            rows, counters = sum(manifest["groups"]), manifest["counters"]
            if counters["read"] != rows + counters["quarantined"]:
                raise ConservationError(
                    f"{phase.name} {manifest['task']}: {counters['read']:,} documents were read, {rows:,} came out and "
                    f"{counters['quarantined']:,} were quarantined"
                )
        read, bad = summary.counters.get("read", 0), summary.counters.get("quarantined", 0)
        limit = plan.config.engine.max_quarantined
        # a handful of bad records in a small input is no sign of anything
        if bad > 100 and bad > limit * read:
            raise RunFailed(
                f"{bad:,} of {read:,} records are bad, more than engine.max_quarantined={limit} allows; "
                f"see the *.quarantine.jsonl files in {plan.config.output}/{DOCUMENTS}"
            )
        return
    for entry in summary.funnel:
        if not entry.balanced():
            raise ConservationError(
                f"{phase.name}, stage {entry.stage}: {entry.into} in, {entry.out} out: {entry.dropped}"
            )
    if not summary.funnel:
        return
    came = summary.funnel[0].into
    earlier = next((other.funnel[-1].out for other in reversed(before) if other.funnel), None)
    if earlier is None:
        earlier = [before[0].counters["read"] - before[0].counters["quarantined"], came[1], came[2]]
    since = {other.name for other in before[_last_funnel(before) + 1 :]} | {phase.name}
    edited = any(
        "text_bytes" in other.written for other in plan.phases if other.name in since and other.name != DOCUMENTS
    )
    # a stage that removes lines changes the bytes of documents, not their number
    if came[0] != earlier[0] or (came[1] != earlier[1] and not edited):
        raise ConservationError(
            f"{phase.name}: {earlier[0]:,} documents ({earlier[1]:,} bytes) were kept before it, {came[0]:,} "
            f"({came[1]:,} bytes) came in"
        )


def _last_funnel(before: list[PhaseSummary]) -> int:
    return max((index for index, other in enumerate(before) if other.funnel), default=0)


def _summed(manifests: list[Manifest]) -> dict[str, int]:
    total: dict[str, int] = {}
    for manifest in manifests:
        for key, n in manifest["counters"].items():
            total[key] = total.get(key, 0) + n
    return dict(sorted(total.items()))


def _merged(manifests: list[Manifest]) -> list[Funnel]:
    merged: dict[str, Funnel] = {}
    for manifest in manifests:
        for value in manifest["funnel"]:
            merged.setdefault(value["stage"], Funnel(value["stage"])).merge(Funnel.from_json(value))
    return list(merged.values())


def _write_run(store: Store, plan: Plan, result: RunResult, state: State, finished: bool) -> None:
    value = {
        "name": plan.config.name,
        "finished": finished,
        "shards": len(plan.shards),
        "phases": [summary.as_json() for summary in result.phases],
        "to_come": [phase.name for phase in plan.phases[len(result.phases) :]],
        "artifacts": {name: [entry[1] for entry in files] for name, files in state.artifacts.items()},
    }
    store.write_json(RUN_FILE, value)


def _publish(store: Store, state: State) -> None:
    """Artifacts made by one task also stand at the top of the output under their plain names, like tokenizer.json."""
    for file in state.single:
        store.write_bytes(file.rpartition("/")[2].partition(".")[2], store.read_bytes(file))


def _same_run(store: Store, plan: Plan) -> None:
    if not store.exists(RUN_FILE):
        return
    name = store.read_json(RUN_FILE).get("name")
    if name != plan.config.name:
        message = f"{store.root} holds the run {name!r}; choose another output, or give this run that name"
        raise InvalidConfig([plan.config.where.problem(("output",), message, plan.config.raw)])


@contextmanager
def _locked(store: Store, plan: Plan) -> Iterator[None]:
    """Keep a second run out of a local output directory; the lock goes with the process."""
    if not store.local:
        yield
        return
    with Path(store.path(".lock")).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another run is at work in {store.root}"
            raise InvalidConfig([plan.config.where.problem(("output",), message, plan.config.raw)]) from None
        yield
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
