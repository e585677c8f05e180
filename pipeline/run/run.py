"""plan -> tasks -> manifests: what has a committed key is not done again, everything else is."""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import DamagedFileError, RunFailedError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import State, absorb, committed, empty_state, task_specs
from dspipe.pipeline.run.cleanup import abort_dead_uploads, remove_stale
from dspipe.pipeline.run.conservation import check_conservation
from dspipe.pipeline.run.executors.interface import Event, Executor, Failure, Finished, Progressed
from dspipe.pipeline.run.run_file import RUN_FILE, RunFile, published_name
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.run.summary import PhaseSummary, summarize
from dspipe.pipeline.storage.failures import storage_error
from dspipe.pipeline.storage.lease import Lease, LeaseLostError, OutputTakenError, hold
from dspipe.pipeline.storage.patience import patient
from dspipe.pipeline.storage.secrets import values_without_secrets
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec


class Progress(Protocol):
    """Hears how a run gets on."""

    def phase(self, name: str, tasks: int, done: int, bytes: int) -> None:
        """A phase begins: its tasks, how many of them were done before, the input bytes of the others."""

    def moved(self, documents: int, bytes: int, share: float) -> None:
        """A task got on by so many documents and bytes, or by this share of it."""

    def ended(self) -> None:
        """A task ended."""

    def phase_ended(self, summary: PhaseSummary) -> None:
        """A phase ended."""

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""


@dataclass
class RunResult:
    """A run that has ended well."""

    store: Store
    phases: list[PhaseSummary] = field(default_factory=list)
    tasks_run: int = 0


def run_plan(plan: Plan, executor: Executor, progress: Progress) -> RunResult:
    """Run a plan to its end.

    Raises RunFailedError, ConservationError, StorageError, InvalidConfigError; resumable after any.
    """
    with patient(plan.config.engine.patience, notice=progress.notice):
        store = Store(plan.config.output)
        store.prepare()
        try:
            with hold(store, progress.notice) as lease:
                abort_dead_uploads(store, lease.since)
                return _run_with_repairs(plan, store, lease, executor, progress)
        except OutputTakenError as error:
            raise InvalidConfigError([plan.config.where.problem(("output",), str(error), plan.config.raw)]) from None
        except LeaseLostError as error:
            raise RunFailedError(str(error)) from None
        except OSError as error:
            raise storage_error(error, str(error.filename or store.root), "use") from error


def _run_with_repairs(plan: Plan, store: Store, lease: Lease, executor: Executor, progress: Progress) -> RunResult:
    """Run the phases; where one of the run's files turns out to be damaged, remove it and go on from what made it."""
    _same_run(store, plan)
    repaired: set[str] = set()
    tasks_run = 0
    while True:
        result = RunResult(store, tasks_run=tasks_run)
        try:
            return _run_phases(plan, result, lease, executor, progress)
        except DamagedFileError as error:
            tasks_run = result.tasks_run
            name = error.file.removeprefix(f"{store.root}/")
            if name == error.file:
                raise RunFailedError(f"{error}; `dspipe run` with the config of that run makes it again") from None
            if name in repaired:
                raise RunFailedError(f"{error}, though it was made again just now: check the storage") from None
            repaired.add(name)
            progress.notice(f"{name} {error.what}: it is made again")
            store.remove(name)


def _run_phases(plan: Plan, result: RunResult, lease: Lease, executor: Executor, progress: Progress) -> RunResult:
    store = result.store
    compiled = not executor.one_machine
    store.write_bytes(
        "config.yaml",
        yaml.safe_dump(values_without_secrets(plan.config.raw), sort_keys=False, allow_unicode=True).encode(),
    )
    state = empty_state(plan)
    for phase in plan.phases:
        lease.check()
        specs = task_specs(plan, phase, state, store)
        done = committed(store, phase, specs)
        if not compiled and len(done) < len(specs):
            _compile_kernels(plan, executor, progress)
            compiled = True
        summary, manifests = _run_phase(plan, phase, specs, done, executor, progress)
        result.tasks_run += summary.tasks - summary.reused
        check_conservation(phase, manifests, summary, result.phases, plan)
        absorb(phase, manifests, state)
        state.files.update([summary.inputs] if summary.inputs else [])
        result.phases.append(summary)
        _write_run(store, plan, result, state, finished=False)
    lease.check()
    _publish(store, state)
    _write_run(store, plan, result, state, finished=True)
    if not plan.config.engine.keep_stale:
        lease.check()
        remove_stale(store, state.files, lease.since)
    return result


def _compile_kernels(plan: Plan, executor: Executor, progress: Progress) -> None:
    from dspipe.pipeline.run.compile_kernels import PHASE, compile_specs

    specs = compile_specs(plan)
    progress.phase(PHASE, len(specs), 0, 0)

    def on_event(event: Event) -> None:
        if isinstance(event, Finished):
            progress.ended()

    Scheduler(executor, 0, on_event).run(specs)


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
    todo_bytes = sum(plan.shards[spec.number].bytes for spec in waiting) if phase.over == "inputs" else 0
    progress.phase(phase.name, len(specs), reused, todo_bytes)

    def on_event(event: Event) -> None:
        if isinstance(event, Progressed):
            progress.moved(event.documents, event.bytes, event.share)
        elif isinstance(event, Finished) and not isinstance(event.outcome, Failure):
            progress.ended()

    manifests |= Scheduler(executor, plan.config.engine.retries, on_event).run(waiting)
    ordered = [manifests[spec.key] for spec in specs]
    summary = summarize(phase, specs, ordered, reused)
    progress.phase_ended(summary)
    return summary, ordered


def _write_run(store: Store, plan: Plan, result: RunResult, state: State, finished: bool) -> None:
    run = RunFile(
        name=plan.config.name,
        finished=finished,
        shards=len(plan.shards),
        left_out={source: left_out.counts for source, left_out in plan.left_out.items()},
        phases=result.phases,
        to_come=[phase.name for phase in plan.phases[len(result.phases) :]],
        artifacts={name: [entry[1] for entry in files] for name, files in state.artifacts.items()},
    )
    store.write_json(RUN_FILE, run.as_json())


def _publish(store: Store, state: State) -> None:
    """Artifacts made by one task also stand at the top of the output under their plain names, like tokenizer.json."""
    for file, sha256 in state.single.items():
        data = store.read_bytes(file)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedFileError(store.path(file), "was changed after it was written: its checksum is another")
        store.write_bytes(published_name(file), data)


def _same_run(store: Store, plan: Plan) -> None:
    if not store.exists(RUN_FILE):
        return
    try:
        name = store.read_json(RUN_FILE)["name"]
    except (DamagedFileError, KeyError, TypeError):
        return  # written anew
    if name != plan.config.name:
        message = f"{store.root} holds the run {name!r}; choose another output, or give this run that name"
        raise InvalidConfigError([plan.config.where.problem(("output",), message, plan.config.raw)])
