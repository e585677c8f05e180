"""How a run is, seen from outside: at work, quiet, stopped, or how it ended, and how far each phase is.

Two files are read while a driver is heard of, `.status.json` and its lease; else also `run.json` and the names of the
folders, so that a run whose driver was killed, or that lost files, is told from one that is whole. Where there is no
`.status.json` (a run of an earlier version) what is committed says how far it is.
"""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dspipe.pipeline.errors import RunNotFoundError, StorageError
from dspipe.pipeline.quantities import human_seconds
from dspipe.pipeline.run.run_progress import STATUS_FILE, Notice, PhaseProgress, RunProgress
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.lease import LEASE_FILE, LOCK_FILE, Holder
from dspipe.pipeline.storage.store import Store

RUN_FILE, CONFIG_FILE = "run.json", "config.yaml"
State = Literal["running", "quiet", "stopped", "failed", "interrupted", "finished"]
"""quiet: nothing is heard of the driver, and nothing says that it has ended; stopped: it was killed, or its machine"""
_QUIET_SECONDS = 30.0
"""a driver that has said nothing for so long, or for six times as long as it usually takes, is quiet"""
_LEASE_QUIET_SECONDS = 60.0
_END = ".manifest.json"


@dataclass(frozen=True)
class Driver:
    """Who works on a run, or did last."""

    who: str
    since: str
    heard_seconds_ago: float | None
    """since it last wrote its status, its lease or a result, by the storage's clock; None: not known"""
    alive: bool | None
    """None: not known, as of a process of another machine that is quiet"""


@dataclass(frozen=True)
class Status:
    """How a run is. Fields of `run_progress` mean what they mean there."""

    root: str
    run: str
    state: State
    message: str
    """what came of it, or what to do, in a sentence; may be empty"""
    driver: Driver | None
    started: float | None
    """the last start of the run, in seconds since 1970 by the driver's clock"""
    seconds: float | None
    """since then, until it ended or was heard of last"""
    engine: str | None
    workers: int
    memory: int
    phases: list[PhaseProgress]
    notices: list[Notice] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """files that are gone"""

    @property
    def at_work(self) -> bool:
        """Whether there may be more to come without anybody's doing."""
        return self.state in ("running", "quiet")

    @property
    def failures(self) -> int:
        """Starts of tasks that gave no result."""
        return sum(sum(phase.failures.values()) for phase in self.phases)

    @property
    def retries(self) -> int:
        """Starts of tasks that had failed before."""
        return sum(phase.retries for phase in self.phases)

    @property
    def quarantined(self) -> int:
        """Bad records."""
        return sum(phase.quarantined for phase in self.phases)

    def as_json(self) -> dict[str, Any]:
        """JSON values: the fields, and the sums over the phases."""
        sums = {"failures": self.failures, "retries": self.retries, "quarantined": self.quarantined}
        return {**asdict(self), **sums}


def open_status(root: str) -> Status:
    """The status of the run at a path or address. Raises RunNotFoundError, which says what to do."""
    try:
        return run_status(Store(root))
    except (StorageError, UnavailableError) as error:
        raise RunNotFoundError(str(error)) from None
    except NotADirectoryError:
        raise RunNotFoundError(_no_run(root, Path(root), [])) from None


def run_status(store: Store) -> Status:
    """The status of a run. Raises RunNotFoundError, StorageError, UnavailableError."""
    said, heard_s = _read_said(store)
    holder, held_s = _read_holder(store)
    if not store.local and held_s is not None:  # a lease is renewed where a status couldn't be written
        heard_s = held_s if heard_s is None else min(heard_s, held_s)
    if said is not None and said.state == "running" and _is_heard(said, heard_s) and not _has_ended(holder):
        return _as_said(store, said, "running", "", holder, heard_s)
    run = _read_run(store)
    folders = store.folders()
    if run is None and said is None:
        raise RunNotFoundError(_no_run(store.root, Path(store.root) if store.local else None, folders))
    if said is None:
        assert run is not None
        return _as_committed(store, run, holder, held_s, folders)
    state, message = _how_it_is(said, heard_s, holder)
    problems = _gone(run, folders)
    if problems and state == "finished":
        message = "files are gone: `dspipe run` with the run's config makes them anew"
    return replace(_as_said(store, said, state, message, holder, heard_s), problems=problems)


def _how_it_is(said: RunProgress, heard_s: float | None, holder: Holder | None) -> tuple[State, str]:
    goes_on = "what is finished is kept: `dspipe run` with the run's config goes on from there"
    if said.state == "finished":
        return "finished", ""
    if said.state == "failed":
        return "failed", said.message
    if said.state == "interrupted":
        return "interrupted", goes_on
    if _has_ended(holder):
        return "stopped", f"the driver ended without a word (killed, or out of memory); {goes_on}"
    ago = f"for {human_seconds(heard_s)}" if heard_s is not None else "for long"
    return "quiet", f"nothing heard of the driver {ago}: it, its machine or the way to the storage may be down"


def _as_said(
    store: Store, said: RunProgress, state: State, message: str, holder: Holder | None, heard_s: float | None
) -> Status:
    """What the driver said."""
    alive = True if state == "running" else None if state == "quiet" else False
    since = holder.since if holder is not None and alive is not False else _utc(said.started)
    at_work = state in ("running", "quiet")
    return Status(
        root=store.root,
        run=said.run,
        state=state,
        message=message,
        driver=Driver(said.driver, since, heard_s, alive),
        started=said.started,
        seconds=round(said.written - said.started, 1),
        engine=said.engine,
        workers=said.workers if at_work else 0,
        memory=said.memory if at_work else 0,
        phases=said.phases if at_work else [replace(phase, running=0, seconds_left=None) for phase in said.phases],
        notices=said.notices,
    )


def _as_committed(
    store: Store, run: dict[str, Any], holder: Holder | None, held_s: float | None, folders: list[str]
) -> Status:
    """What files say of a run whose driver said nothing: the first phase that hasn't ended is counted."""
    phases, heard_s = [_ended(phase) for phase in run["phases"]], held_s if not store.local else None
    to_come = list(run["to_come"])
    if to_come:
        states = store.states(to_come[0])
        done = sum(name.endswith(_END) for name in states)
        times = [state.modified for state in states.values() if state.modified is not None]
        if times:
            age = max(0.0, time.time() - max(times))
            heard_s = age if heard_s is None else min(age, heard_s)
        tasks = run["shards"] if not phases else None
        at_work = PhaseProgress(to_come[0], state="running" if done else "to come", tasks=tasks, done=done)
        phases += [replace(at_work, share=done / tasks if tasks else 0.0), *map(PhaseProgress, to_come[1:])]
    state: State
    alive: bool | None = False
    if run["finished"]:
        state, message = "finished", ""
    elif holder is not None and not _has_ended(holder) and heard_s is not None and heard_s < _LEASE_QUIET_SECONDS:
        state, message, alive = "running", "", True
    elif _has_ended(holder) or holder is None:
        state, message = "stopped", "nobody is at work on it: `dspipe run` with the run's config goes on"
    else:
        state, message, alive = "quiet", "nothing heard of the driver that was at work there last", None
    problems = _gone(run, folders)
    if problems and state == "finished":
        message = "files are gone: `dspipe run` with the run's config makes them anew"
    driver = Driver(holder.who, holder.since, heard_s, alive) if holder is not None else None
    return Status(store.root, run["name"], state, message, driver, None, None, None, 0, 0, phases, problems=problems)


def _ended(phase: dict[str, Any]) -> PhaseProgress:
    """A phase of `run.json`."""
    counters, funnel, tasks = phase.get("counters", {}), phase.get("funnel", []), phase.get("tasks", 0)
    read, quarantined = counters.get("read"), counters.get("quarantined", 0)
    entered = funnel[0]["entered"][0] if funnel else read
    kept = funnel[-1]["kept"][0] if funnel else None if read is None else read - quarantined
    name = str(phase["name"])
    return PhaseProgress(name, "", "done", tasks, tasks, share=1.0, entered=entered, kept=kept, quarantined=quarantined)


def _gone(run: dict[str, Any] | None, folders: list[str]) -> list[str]:
    """What of a run isn't there any more."""
    if run is None:
        return [f"{RUN_FILE} is gone, or was cut"]
    lost = [phase["name"] for phase in run["phases"] if phase["name"] not in folders]
    return [f"the folder {name} is gone, with what the phase has made" for name in lost]


def _is_heard(said: RunProgress, heard_s: float | None) -> bool:
    if heard_s is None:  # the storage tells no times
        heard_s = time.time() - said.written
    return heard_s <= max(_QUIET_SECONDS, 6 * said.every_seconds)


def _has_ended(holder: Holder | None) -> bool:
    return holder is not None and (holder.released or holder.has_died())


def _read_said(store: Store) -> tuple[RunProgress | None, float | None]:
    try:
        data, age = store.read_aged(STATUS_FILE)
        return RunProgress.from_json(json.loads(data)), age
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None, None


def _read_holder(store: Store) -> tuple[Holder | None, float | None]:
    try:
        data, age = store.read_aged(LOCK_FILE if store.local else LEASE_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    return Holder.read(data), age


def _read_run(store: Store) -> dict[str, Any] | None:
    """`run.json` as far as it can be read, of earlier versions too."""
    try:
        value = json.loads(store.read_bytes(RUN_FILE))
        phases = [phase for phase in value["phases"] if isinstance(phase["name"], str)]
        return {
            "name": str(value["name"]),
            "finished": bool(value["finished"]),
            "shards": value.get("shards"),
            "phases": phases,
            "to_come": [str(name) for name in value.get("to_come", [])],
        }
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _no_run(root: str, path: Path | None, folders: list[str]) -> str:
    """Why there is no run, and what to do."""
    if path is not None:
        if path.is_file():
            return f"{root} is a file: give the directory that a config names under `output`"
        if not path.exists():
            return f"{root} isn't there: no run has begun in it; `dspipe run CONFIG` begins one"
        if (path / CONFIG_FILE).exists():
            return (
                f"{root} was a run's, but its {RUN_FILE} is gone or was cut; `dspipe run` with the run's config "
                f"({path / CONFIG_FILE} is a copy) makes it anew, and goes on from what is finished"
            )
        if (path.parent / RUN_FILE).exists():
            return f"{root} is a folder of the run {path.parent}: give that one"
        below = [name for name in folders if (path / name / RUN_FILE).exists()]
        if below:
            return f"{root} holds no run itself; runs in it: {', '.join(str(path / name) for name in below[:10])}"
        if not any(entry.name != LOCK_FILE for entry in path.iterdir()):
            return f"{root} is empty: no run has begun in it; `dspipe run CONFIG` begins one"
    return f"{root} holds no run (there is no {RUN_FILE}); give the `output` directory of a config"


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
