"""Running mixtures and what trains on them, and collecting the metrics: `metrics.csv` and `packed.json`.

A mixture's shards stay when the next is run, and so does the manifest that names them, `shards/set-*.index.json` in the
run's output: `packed.json` says which one is whose.
"""

import contextlib
import json
import math
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dspipe.pipeline.config.run_config import parse_file
from dspipe.pipeline.errors import ConfigError, ConservationError, RunFailedError
from dspipe.pipeline.plan.checked_plan import make_checked_plan
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.storage.filesystem import is_remote
from dspipe.stages.remix.mixtures.domains_file import NAME, MixedDomains, say_changed
from dspipe.stages.remix.mixtures.sample import RATIOS, read_configured
from dspipe.stages.remix.mixtures.tables import MixtureTable, TableError, read_ratios, read_table, write_table

METRICS = "metrics.csv"
PACKED = "packed.json"
_TAIL = 12


class CollectError(ValueError):
    """A mixture that can't be run, or a command that doesn't say its metrics; the message says what to do."""


@dataclass(frozen=True)
class Collected:
    """What a call of `collect` has done."""

    runs: int
    """mixtures that were run"""
    before: int
    """those that had their metrics already"""


def collect(folder: Path, command: str, told: Callable[[str], None], limit: int | None = None) -> Collected:
    """Run each mixture of a folder that has no metrics yet, and the command on it; a row of `metrics.csv` at a time.

    command   its words may hold {index} (the manifest, which `PackedDataset` opens), {run} (the mixture's name) and
              {config} (its file); no shell. The last line that it prints is a JSON object of numbers, the metrics.
    told      hears a line for each mixture
    limit     stop after so many

    Raises CollectError, TableError, and what `read_configured` does.
    """
    ratios = read_ratios(folder / RATIOS)
    words = _split(command)
    done = _read_done(folder / METRICS, ratios)
    waiting = [run for run in ratios.runs if run not in done]
    before = len(done)
    for number, run in enumerate(waiting[:limit]):
        config, log = folder / f"{run}.yaml", folder / f"{run}.log"
        if not config.is_file():
            raise CollectError(f"{config} is gone: `dspipe mixture sample` writes it with its {RATIOS}")
        with log.open("w", encoding="utf-8") as file:
            with contextlib.redirect_stderr(file):
                index = _run(config, folder)
            file.flush()
            named = {"{index}": index, "{run}": run, "{config}": str(config)}
            output = _call([_fill(word, named) for word in words], run, file.fileno(), log)
        metrics = _read_metrics(output, run)
        if done and {*metrics} != {*next(iter(done.values()))}:
            known, found = (", ".join(sorted(names)) for names in (next(iter(done.values())), metrics))
            raise CollectError(f"{run}: the command gave the metrics {found}, those before have {known}")
        done[run] = metrics
        write_table(folder / METRICS, [*next(iter(done.values()))], done.items())
        _note_packed(folder / PACKED, run, index)
        shown = ", ".join(f"{name} {value:.6g}" for name, value in metrics.items())
        told(f"{run} ({before + number + 1} of {len(ratios.runs)}): {shown}; {index}")
    return Collected(len(waiting[:limit]), before)


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CollectError(f"the command can't be read: {error}") from None
    if not words:
        raise CollectError("the command is empty")
    return words


def _fill(word: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        word = word.replace(name, value)
    return word


def _read_done(path: Path, ratios: MixtureTable) -> dict[str, dict[str, float]]:
    if not path.exists():
        return {}
    table = read_table(path)
    if unknown := next((run for run in table.runs if run not in ratios.runs), None):
        raise TableError(f"{path} has metrics of {unknown}, which {ratios.path} doesn't name")
    return {
        run: dict(zip(table.columns, values.tolist(), strict=True))
        for run, values in zip(table.runs, table.values, strict=True)
    }


def _call(words: list[str], run: str, log: int, path: Path) -> str:
    """What a program prints; what it says on standard error goes to the log. Raises CollectError where it fails."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace", check=False)
    except OSError as error:
        raise CollectError(f"{run}: {words[0]} can't be started: {error.strerror}") from None
    if done.returncode:
        said = [*path.read_text("utf-8", "replace").splitlines(), *done.stdout.splitlines()][-_TAIL:]
        raise CollectError(
            f"{run}: {shlex.join(words)} failed with exit code {done.returncode}; the same command goes on from there. "
            "It said:\n" + "\n".join(said)
        )
    return done.stdout


def _run(config: Path, folder: Path) -> str:
    """Run a mixture; its manifest. Raises CollectError where its domains are other ones than those that the mixtures
    were drawn for."""
    plan = make_checked_plan(parse_file(config))
    executor = make_executor(plan.config.engine)
    try:
        run_plan(plan, executor, LogProgress())
    except (RunFailedError, ConservationError, ConfigError) as error:
        raise CollectError(f"{config} can't be run: {error}") from None
    finally:
        executor.close()
    then = MixedDomains.read(folder / NAME).identities or {}
    configured = read_configured(parse_file(config), mixed=[*then])
    now = configured.domains.identities or {}
    if changed := say_changed(then, now):
        raise CollectError(f"{config}: {changed}. Draw mixtures anew with `dspipe mixture sample`")
    (index,) = configured.run.artifacts["index"]
    # a reader of a remote run opens what its root names, which is this mixture until the next is run
    return configured.store.root if is_remote(configured.store.root) else configured.store.path(index)


def _read_metrics(output: str, run: str) -> dict[str, float]:
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    try:
        value = json.loads(last)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not value:
        said = f"its last line is {last[:200]!r}" if last else "it printed nothing"
        raise CollectError(f"{run}: the command's last line is to be a JSON object of metrics; {said}")
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise CollectError(f"{run}: the metric {name!r} is {number!r}, not a finite number")
        if name in ("run", "run_id", "name", "index", ""):
            raise CollectError(f"{run}: a metric can't be called {name!r}: the column is the mixture's")
    return {name: float(number) for name, number in value.items()}


def _note_packed(path: Path, run: str, index: str) -> None:
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps({**known, run: index}, indent=1) + "\n", "utf-8")
    temporary.replace(path)
