"""How far a run is, for the list and for its page, from few and small files."""

from typing import Any

from dspipe.pipeline.errors import RunNotFoundError
from dspipe.pipeline.run.run_file import RUN_FILE
from dspipe.pipeline.storage.store import Store

AT_WORK = ("running", "quiet")


def run_progress(root: str) -> dict[str, Any]:
    """`Status.as_json` of a run. Raises RunNotFoundError, DamagedFileError."""
    try:
        return _status(Store(root))
    except (KeyError, TypeError, ValueError) as error:
        raise RunNotFoundError(
            f"{root}: another version of dspipe wrote this run ({type(error).__name__}: {error}); `dspipe run` with the "
            "run's config makes it anew"
        ) from None


def _status(store: Store) -> dict[str, Any]:
    root = store.root
    try:
        value = store.read_json(RUN_FILE)
    except FileNotFoundError:
        raise RunNotFoundError(f"{root} has no {RUN_FILE}; `dspipe run`") from None
    phases = [_phase(p["name"], "done", p["tasks"], p["tasks"]) for p in value["phases"]]
    phases += [_phase(name, "to come", None, 0) for name in value["to_come"]]
    state = "finished" if value["finished"] else "stopped"
    return {
        "root": root,
        "run": value["name"],
        "state": state,
        "message": "",
        "seconds": None,
        "phases": phases,
        "notices": [],
        "problems": [],
        "failures": 0,
        "retries": 0,
        "quarantined": 0,
        "workers": 0,
        "driver": None,
    }


def _phase(name: str, state: str, tasks: int | None, done: int) -> dict[str, Any]:
    return {
        "name": name,
        "title": "",
        "state": state,
        "tasks": tasks,
        "done": done,
        "share": 1.0 if state == "done" else 0.0,
        "documents": 0,
        "kept": None,
        "bytes_per_second": None,
        "documents_per_second": None,
        "seconds": 0.0,
        "seconds_left": None,
        "running": 0,
    }
