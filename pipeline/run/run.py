"""plan -> tasks -> manifests: what has a committed key is not done again, everything else is."""

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import EngineConfig
from dspipe.pipeline.errors import ConfigError, DamagedFileError, RunFailedError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.tasks import State, absorb_files, empty_state
from dspipe.pipeline.run.account import Progress, RunAccount
from dspipe.pipeline.run.cleanup import abort_dead_uploads, earlier_products_line, product_files, remove_stale
from dspipe.pipeline.run.clock import Clock, MachineClock
from dspipe.pipeline.run.compile_kernels import PHASE as COMPILE
from dspipe.pipeline.run.compile_kernels import compile_missing
from dspipe.pipeline.run.conservation import check_conservation
from dspipe.pipeline.run.executors.interface import Executor
from dspipe.pipeline.run.flow import Flow
from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
from dspipe.pipeline.run.run_file import RUN_FILE, RunFile, published_name
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.run.segment import Part, Segment
from dspipe.pipeline.run.status_file import StatusFile
from dspipe.pipeline.run.summary import PhaseSummary, summarize
from dspipe.pipeline.run.whole import WHOLE_FILE, Digests, find_whole, remember_whole
from dspipe.pipeline.storage.failures import storage_error
from dspipe.pipeline.storage.lease import Lease, LeaseLostError, OutputTakenError, hold
from dspipe.pipeline.storage.patience import patient
from dspipe.pipeline.storage.secrets import values_without_secrets
from dspipe.pipeline.storage.store import Store


@dataclass
class RunResult:
    """A run that has ended well."""

    store: Store
    phases: list[PhaseSummary] = field(default_factory=list)
    tasks_run: int = 0


def run_plan(
    plan: Plan,
    executor: Executor,
    progress: Progress | RunAccount,
    retry: QuarantineRetry | None = None,
    clock: Clock | None = None,
) -> RunResult:
    """Run a plan to its end.

    progress   hears how it gets on; or the account of the run, where somebody else looks at it, too
    retry      tasks that are done, but are to be done again
    clock      what the seconds of tasks are counted by, where that isn't the machine's

    Raises RunFailedError, ConservationError, StorageError, InvalidConfigError; resumable after any.
    """
    account = progress if isinstance(progress, RunAccount) else RunAccount(plan, progress)
    with patient(plan.config.engine.patience, notice=account.notice):
        store = Store(plan.config.output)
        store.prepare()
        try:
            with hold(store, account.notice) as lease:
                _same_run(store, plan)
                abort_dead_uploads(store, lease.since)
                with StatusFile(store, account, lease):
                    driver = _Driver(executor, account, lease, retry, clock or MachineClock())
                    return _run_with_repairs(plan, store, driver)
        except OutputTakenError as error:
            raise InvalidConfigError([plan.config.where.problem(("output",), str(error), plan.config.raw)]) from None
        except LeaseLostError as error:
            raise RunFailedError(str(error)) from None
        except OSError as error:
            raise storage_error(error, str(error.filename or store.root), "use") from error
        finally:
            gc.unfreeze()


@dataclass(frozen=True)
class _Driver:
    """What a run is driven with."""

    executor: Executor
    account: RunAccount
    lease: Lease
    retry: QuarantineRetry | None
    clock: Clock

    def scheduler(self, engine: EngineConfig) -> Scheduler:
        """A scheduler that has run nothing yet."""
        return Scheduler(
            self.executor, engine.retries, self.account.heard, self._look, engine.patience, clock=self.clock
        )

    def _look(self) -> None:
        self.lease.check()
        self.account.alive()


def _run_with_repairs(plan: Plan, store: Store, driver: _Driver) -> RunResult:
    """Run the phases; where one of the run's files turns out to be damaged, remove it and go on from what made it."""
    repaired: set[str] = set()
    tasks_run = 0
    while True:
        result = RunResult(store, tasks_run=tasks_run)
        try:
            return _run_phases(plan, result, driver)
        except DamagedFileError as error:
            tasks_run = result.tasks_run
            name = error.file.removeprefix(f"{store.root}/")
            if name == error.file:
                raise RunFailedError(f"{error}; `dspipe run` with the config of that run makes it again") from None
            if name in repaired:
                raise RunFailedError(f"{error}, though it was made again just now: check the storage") from None
            repaired.add(name)
            driver.account.notice(f"{name} {error.what}: it is made again")
            store.remove(name)


def _run_phases(plan: Plan, result: RunResult, driver: _Driver) -> RunResult:
    store, account, lease, retry = result.store, driver.account, driver.lease, driver.retry
    try:
        driver.executor.check_gpus(max((phase.gpus for phase in plan.phases), default=0.0))
    except ConfigError as error:
        raise InvalidConfigError([plan.config.where.problem(error.key, str(error), plan.config.raw)]) from None
    store.write_bytes(
        "config.yaml",
        yaml.safe_dump(values_without_secrets(plan.config.raw), sort_keys=False, allow_unicode=True).encode(),
    )
    if retry is None and not plan.replace and (whole := find_whole(store, plan)) is not None:
        return _nothing_left(result, account, *whole)
    store.remove(WHOLE_FILE)  # `run.json` is about to be another run's, and the folders may stay as they are
    state = empty_state(plan)
    if not store.exists(RUN_FILE):  # so that it can be looked at from the beginning on
        _write_run(store, plan, result, state, finished=False)
    earlier = earlier_products_line(store, plan.replace)
    places = {phase.name: place for place, phase in enumerate(plan.phases)}

    def end_phase(part: Part) -> None:
        phase, manifests = part.phase, part.in_order()
        summary = summarize(phase, manifests, part.reused, part.inputs, plan.source_names(phase))
        lease.check()
        account.phase_ended(summary)
        result.tasks_run += summary.tasks - summary.reused
        if retry is not None:
            retry.see(manifests)
        before = [ended for ended in result.phases if places[ended.name] < places[phase.name]]
        check_conservation(phase, manifests, summary, before, plan)
        absorb_files(phase, manifests, state)
        gc.freeze()  # looking through all that is kept for cycles was a quarter of a run with nothing left
        assert part.committed is not None
        record = part.committed.record.write(manifests)
        summary.names = record[-1]
        state.files.update([*record, *([summary.inputs] if summary.inputs else [])])
        result.phases.append(summary)
        result.phases.sort(key=lambda ended: places[ended.name])
        _write_run(store, plan, result, state, finished=False)

    flow = Flow(plan.phases, lambda phases: Segment(plan, phases, state, store, account, end_phase, retry))
    specs = flow.more()
    if specs and earlier:
        account.notice(earlier)
    if specs and driver.executor.one_machine:
        compile_missing(plan, driver.scheduler(plan.config.engine), lambda tasks: account.phase(COMPILE, tasks))
    driver.scheduler(plan.config.engine).run(specs, flow.then, flow.more, flow.rank)
    lease.check()
    _publish(store, state.single)
    _write_run(store, plan, result, state, finished=True)
    if not plan.config.engine.keep_stale:
        lease.check()
        needed = state.files if plan.replace else state.files | product_files(store)
        digests = Digests()
        remove_stale(store, needed, lease.since, digests.add, {published_name(file) for file in state.single})
        remember_whole(store, plan, digests, state.single)
    return result


def _nothing_left(result: RunResult, account: RunAccount, run: RunFile, published: Mapping[str, str]) -> RunResult:
    """Say of all phases that they are done, as the run that did them has left them."""
    for summary in run.phases:
        summary.reused = summary.tasks
        account.phase(summary.name, summary.tasks)
        account.tasks(summary.name, summary.tasks, 0)
        account.phase_ended(summary)
        result.phases.append(summary)
    _publish(result.store, published)
    result.store.write_json(RUN_FILE, run.as_json())
    return result


def _write_run(store: Store, plan: Plan, result: RunResult, state: State, finished: bool) -> None:
    ended = {summary.name for summary in result.phases}
    run = RunFile(
        name=plan.config.name,
        finished=finished,
        shards=len(plan.shards),
        left_out={source: left_out.counts for source, left_out in plan.left_out.items()},
        phases=result.phases,
        to_come=[phase.name for phase in plan.phases if phase.name not in ended],
        artifacts={name: [entry[1] for entry in files] for name, files in state.artifacts.items()},
    )
    store.write_json(RUN_FILE, run.as_json())


def _publish(store: Store, artifacts: Mapping[str, str]) -> None:
    """Artifacts made by one task, with their sha256, also stand at the top of the output under their plain names, like
    tokenizer.json."""
    for file, sha256 in artifacts.items():
        store.write_bytes(published_name(file), store.read_unchanged(file, sha256))


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
