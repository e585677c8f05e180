"""Where chaos runs happen: a small real config over data made here, its undisturbed result, and drivers to disturb."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.saboteur import POISONS, WORD
from tests.engine import write_config

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 300.0
"""after which a run that shows no end is called hung"""
_SENTENCE = "the heron stood at edge of pond and nobody who passed had any idea why it was there all day"
_PUBLISHED = ("index.json", "mixture.json", "tokenizer.json")
_PACKED = re.compile(r"(pack\.rows|pack\.tail|shards)/(?!done-)[^/]*-[0-9a-f]{12}\.(?!manifest\.json)")
_KEY = re.compile(r"-[0-9a-f]{12}\.")


def make_data(folder: Path, shards: int, rows: int) -> None:
    """Documents with repeats, near repeats, two domains, and one poisoned document of each kind."""
    folder.mkdir(parents=True)
    draw = Random(1)
    texts = [" ".join(draw.choices(_SENTENCE.split(), k=draw.randint(20, 80))) for _ in range(shards * rows)]
    for at in range(0, len(texts), 7):
        texts[at] = texts[0] if at % 2 else texts[max(0, at - 3)] + " again"
    for number in range(len(POISONS)):
        texts[(number % shards) * rows + 11 + number // shards] = f"{WORD} {number}"
    for shard in range(shards):
        documents = [
            {"text": text, "domain": f"d{n % 2}", "url": f"http://x.example/{n}"}
            for n, text in enumerate(texts[shard * rows : (shard + 1) * rows])
        ]
        (folder / f"{shard}.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))


def make_config(folder: Path, output: str, short: bool) -> dict[str, Any]:
    """Every kind of phase: text pass, exchanges, artifacts, training, packing. `short`: with few kernels to load."""
    stages: list[dict[str, Any]] = [
        {"unicode": {}},
        {"tests.chaos.saboteur": {}},
        {"exact_dedup": {}},
        {"minhash": {"bands": 4, "rows": 2}},
        {"remix": {"by": "domain"}},
        {"tokenizer": {"train": {"vocab": 300, "special": 3, "pad_to": 384, "sample_bytes": 1_000_000}}},
        {"pack": {"length": 64}},
    ]
    if short:
        stages = [
            {"tests.chaos.saboteur": {}},
            {"exact_dedup": {}},
            {"tests.toys.tokenizer": {}},
            {"pack": {"length": 64}},
        ]
    return {
        "name": "chaos",
        "output": output,
        "seed": 3,
        "engine": {"kind": "local", "workers": 1 if short else 2},
        "sources": [{"name": "s", "format": "jsonl", "root": f"{folder / 'in'}/", "path": "*.jsonl"}],
        "stages": stages,
    }


Files = dict[str, str]
"""sha256 by name, without the keys of tasks, which differ where inputs have other times"""


def is_result(name: str) -> bool:
    """Whether a run is made for this file: what trainers read."""
    return name in _PUBLISHED or _PACKED.match(name) is not None


def digest(files: Mapping[str, bytes]) -> Files:
    """The packed bytes of a run, comparable with those of others."""
    found = {}
    for name, data in files.items():
        if is_result(name):
            plain = _KEY.sub("-KEY.", data.decode("latin-1")).encode("latin-1") if name.endswith(".json") else data
            found[_KEY.sub("-KEY.", name)] = hashlib.sha256(plain).hexdigest()
    return found


def read_folder(folder: Path) -> dict[str, bytes]:
    """All files of a local run, but its lock and what is half written."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@dataclass
class Driver:
    """A `dspipe run` in a session of its own."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def workers(self) -> list[int]:
        """The processes of its session that are there, without itself."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
                pid = int(stat.parent.name)
                if int(session) == self.process.pid and state != "Z" and pid != self.process.pid:
                    found.append(pid)
        return found

    def wait(self, seconds: float = PATIENCE_S) -> int | None:
        """Its exit code; None where it hasn't ended, and is ended now."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if self.process.poll() is None:
                self.end()

    def end(self) -> None:
        """SIGKILL for all of its session."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text("utf-8", "replace")


def start_driver(config: Path, log: Path, edits: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Driver:
    """`dspipe run` of this config with these edits, in a session of its own; `log` gets what it says."""
    command = [sys.executable, "-m", "dspipe", "run", str(config)]
    for edit in edits:
        command += ["--set", edit]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
            start_new_session=True,
        )
    return Driver(process, log)


class Lab:
    """A folder with data, a config, and what an undisturbed run makes of it in how many seconds."""

    def __init__(self, folder: Path, short: bool = False) -> None:
        self.folder = folder
        make_data(folder / "in", shards=5 if short else 6, rows=40)
        self.config = write_config(folder / "run.yaml", make_config(folder, str(folder / "whole"), short))
        self._drivers: list[Driver] = []
        self._numbers = iter(range(1 << 30))
        if not short:
            self._end_well(self.start(folder / "whole"))  # compiles kernels on a machine that has none
        begun = time.monotonic()
        driver = self.start(folder / "again")
        self.wait_for_work(driver, folder / "again")
        working = time.monotonic()
        self._end_well(driver)
        self.seconds, self.seconds_of_work = time.monotonic() - begun, time.monotonic() - working
        self.expected = digest(read_folder(folder / "again"))
        if not short and self.expected != (other := digest(read_folder(folder / "whole"))):
            different = sorted(name for name, _ in self.expected.items() ^ other.items())
            raise RuntimeError(f"two undisturbed runs differ: {', '.join(different)}")

    def _end_well(self, driver: Driver) -> None:
        code = driver.wait(6 * PATIENCE_S)
        if code != 0:
            raise RuntimeError(f"the undisturbed run ended with {code}: {driver.said()[-2000:]}")

    def output(self) -> Path:
        """A new folder for a run."""
        return self.folder / f"out{next(self._numbers)}"

    def start(self, output: Path | str, edits: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Driver:
        """Start a driver."""
        log = self.folder / f"log{next(self._numbers)}"
        driver = start_driver(self.config, log, [f"output={output}", *edits], env)
        self._drivers.append(driver)
        return driver

    def wait_for_work(self, driver: Driver, output: Path) -> None:
        """Until its workers have begun, or it has ended."""
        wait_until(lambda: (output / "documents").exists() or driver.process.poll() is not None, PATIENCE_S)

    def finish(self, output: Path | str, resumes: int = 6, **kwargs: Any) -> tuple[int, str]:
        """Run until the end; how many times more than once that took, and what the last driver said. -1: no end."""
        said = ""
        for resumed in range(resumes + 1):
            driver = self.start(output, **kwargs)
            code, said = driver.wait(), driver.said()
            if code == 0:
                return resumed, said
        return -1, said

    def same(self, output: Path) -> bool:
        """Whether a local run has made what the undisturbed one did."""
        return digest(read_folder(output)) == self.expected

    def close(self) -> None:
        """End what still runs."""
        for driver in self._drivers:
            if driver.process.poll() is None:
                driver.end()


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true in this time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
