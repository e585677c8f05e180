"""The kinds of trouble, each done to a run of its own: what happened, and whether the bytes are those of no trouble."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dspipe.pipeline.report.verify import verify_files
from tests.chaos.lab import PATIENCE_S, ROOT, Driver, Lab, digest, wait_until
from tests.chaos.s3 import Bucket
from tests.chaos.saboteur import POISONS

ORPHANS_S = 20.0
"""within which the workers of a killed driver must be gone"""


@dataclass
class Outcome:
    """What a run went through. `resumes`: how often the command was given again; `wrong`: what shouldn't be."""

    injected: int
    resumes: int = 0
    wrong: str = ""
    note: str = ""


Fault = Callable[[Lab, Random], Outcome]


class NotHereError(Exception):
    """A kind of trouble that can't be made on this machine."""


def kill_driver(lab: Lab, draw: Random) -> Outcome:
    """SIGKILL (or a signal that asks) for the driver at random times, up to three times."""
    output, kills, left = lab.output(), draw.randint(1, 3), 0
    for number in range(kills):
        driver = lab.start(output)
        _let_work(lab, driver, output, draw)
        driver.process.send_signal(draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)))
        if driver.process.wait(PATIENCE_S) == 0:  # it was done
            kills = number
        if not wait_until(lambda driver=driver: not driver.workers(), ORPHANS_S):  # type: ignore[misc]
            left += len(driver.workers())
        driver.end()
    note = f"{left} processes outlived their driver by {ORPHANS_S:.0f} s" if left else ""
    return _finished(lab, output, kills, note=note)


def kill_workers(lab: Lab, draw: Random) -> Outcome:
    """SIGKILL for workers, one at a time."""
    return _with_workers(lab, draw, lambda pid: os.kill(pid, signal.SIGKILL))


def stop_workers(lab: Lab, draw: Random) -> Outcome:
    """SIGSTOP for workers, SIGCONT some seconds later."""

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(draw.uniform(0.5, 4))
        os.kill(pid, signal.SIGCONT)

    return _with_workers(lab, draw, stop)


PLACES = ("documents/*.manifest.json", "*.parquet", "*.exchange", "*.manifest.json", "*/inputs-*", "run.json",
          "config.yaml", "index.json", "pack.rows/*", "tokenizer.*/*", "tokenizer.json")  # fmt: skip


def kill_at_a_place(lab: Lab, draw: Random) -> Outcome:
    """SIGKILL for whoever writes a chosen file, before it, before it has its name, or after."""
    output, place = lab.output(), {"file": draw.choice(PLACES), "when": draw.choice(("before", "written", "after"))}
    once = lab.folder / f"{output.name}.once"
    env = {"DSPIPE_CHAOS_PLACE": json.dumps({**place, "once": str(once)})}
    resumes, said = lab.finish(output, env=env)
    return _judged(lab, output, int(once.exists()), resumes, said, f"{place['when']} {place['file']}")


def damage_files(lab: Lab, draw: Random) -> Outcome:
    """A run that was killed somewhere, and then some of its files cut, changed, emptied or gone."""
    output = lab.output()
    driver = lab.start(output)
    lab.wait_for_work(driver, output)
    if draw.random() < 0.3:
        driver.wait()
    else:
        time.sleep(draw.uniform(0.1, lab.seconds_of_work))
    driver.end()
    files = [path for path in output.rglob("*") if path.is_file() and not path.name.startswith(".")]
    chosen = draw.sample(files, min(len(files), draw.randint(1, 3)))
    done = [f"{_damage(path, draw)} {path.relative_to(output)}" for path in chosen]
    resumes, said = lab.finish(output)
    note = ", ".join(done)
    if resumes >= 0 and not lab.same(output):
        # packed shards that are finished aren't read again: `dspipe verify` is for them, and names each
        found = verify_files(str(output)).problems
        for problem in found:
            (output / problem.partition(": ")[0]).unlink(missing_ok=True)
        if found:
            resumes, said = lab.finish(output)
            note += "; found by verify"
    return _judged(lab, output, len(done), resumes, said, note)


def fill_the_disk(lab: Lab, draw: Random) -> Outcome:
    """A file system that is too small, and grows when the run has failed for it."""
    output, whole = lab.output(), lab.folder / "again"
    needed = sum(-(-path.stat().st_size // 4096) * 4096 for path in whole.rglob("*"))
    output.mkdir()
    size = int(needed * draw.uniform(0.1, 0.8))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(output)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        raise NotHereError("needs the right to mount a small file system")
    try:
        driver = lab.start(output / "run")
        code, said = driver.wait(), driver.said()
        subprocess.run(["mount", "-o", f"remount,size={needed * 4 + (1 << 20)}", str(output)], check=True)
        outcome = _finished(lab, output / "run", 1)
        if code != 2 or "disk is full" not in said:
            outcome.wrong = outcome.wrong or f"exit {code} on a full disk: {said[-300:]}"
        outcome.resumes += 1
        return outcome
    finally:
        subprocess.run(["umount", "-l", str(output)], check=True)


def poison(lab: Lab, draw: Random) -> Outcome:
    """Documents that end their worker, hang or take all memory, one to three of them."""
    output = lab.output()
    chosen = draw.sample(range(len(POISONS)), draw.randint(1, 3))
    kinds = {str(number): draw.choice(POISONS[1:]) for number in chosen}
    edits = ["engine.deadline=5", "engine.memory=1GiB"]
    resumes, said = lab.finish(output, edits=edits, env={"DSPIPE_CHAOS_POISON": json.dumps(kinds)})
    return _judged(lab, output, len(kinds), resumes, said, ", ".join(kinds.values()))


def two_drivers(lab: Lab, draw: Random) -> Outcome:
    """A second driver with the same output, of the same config or another, while the first one works."""
    output = lab.output()
    first = lab.start(output)
    lab.wait_for_work(first, output)
    second = lab.start(output, [f"seed={draw.choice((3, 4))}"])
    code, said = second.wait(), second.said()
    late = "another run" not in said and first.process.poll() is not None
    ended = first.wait()
    if ended != 0:
        return Outcome(1, 0, f"the first ended with {ended}: {first.said()[-300:]}")
    outcome = _finished(lab, output, 1)
    if not late and (code != 2 or "another run" not in said):
        outcome.wrong = outcome.wrong or f"the second ended with {code}: {said[-300:]}"
    return outcome


def fail_storage(lab: Lab, draw: Random) -> Outcome:
    """An object store that answers with errors, resets and hangs, or is away for some seconds."""
    share = draw.choice((0.02, 0.05, 0.2))
    faults = dict.fromkeys(("slow_down", "internal_error", "reset", "lost"), share / 4)
    hang = {"hang": 0.005} if draw.random() < 0.3 else {}
    with Bucket(draw.randrange(1 << 30)) as bucket:
        bucket.proxy.shares = {**faults, **hang}  # type: ignore[dict-item]
        bucket.proxy.hang_seconds = 100
        address = "s3://chaos/run"
        driver = lab.start(address, env=bucket.env)
        if draw.random() < 0.5:
            wait_until(lambda: bucket.proxy.requests.total() > 400 or driver.process.poll() is not None, PATIENCE_S)
            with bucket.proxy.away():
                time.sleep(draw.uniform(2, 15))
        code, said, resumes = driver.wait(2 * PATIENCE_S), driver.said(), 0
        if code != 0:
            bucket.proxy.shares = {}
            again, said_again = lab.finish(address, env=bucket.env)
            resumes, said = (again + 1, said_again) if again >= 0 else (-1, said + said_again)
        injected = bucket.proxy.injected.total()
        same = resumes >= 0 and digest(bucket.files("run")) == lab.expected
    note = f"{share:.0%} of {bucket.proxy.requests.total():,} requests, {dict(bucket.proxy.injected)}"
    return Outcome(injected, max(0, resumes), "" if same else said[-300:] or "other bytes", note)


def two_drivers_on_s3(lab: Lab, draw: Random) -> Outcome:
    """As `two_drivers`, on an object store."""
    with Bucket(0) as bucket:
        first = lab.start("s3://chaos/run", env=bucket.env)
        wait_until(lambda: bucket.proxy.requests.total() > draw.randint(50, 400), PATIENCE_S)
        second = lab.start("s3://chaos/run", [f"seed={draw.choice((3, 4))}"], bucket.env)
        code, said = second.wait(), second.said()
        ended = first.wait()
        same = digest(bucket.files("run")) == lab.expected
    wrong = "" if ended == 0 and same else f"the first ended with {ended}, same bytes {same}: {first.said()[-300:]}"
    if code == 0 and not wrong:
        return Outcome(1, 0, "", "the second wasn't refused")
    return Outcome(1, 0, wrong or ("" if code == 2 else f"the second ended with {code}: {said[-300:]}"))


def lose_ray_nodes(lab: Lab, draw: Random) -> Outcome:
    """Of a Ray cluster a node is lost in one run, the head in another, which a driver without Ray goes on with
    (tests.pipeline.run.executors.ray_cluster)."""
    import yaml

    output = lab.output()
    values = yaml.safe_load(lab.config.read_text())
    module = "tests.pipeline.run.executors.ray_cluster"
    command = [sys.executable, "-m", module, json.dumps(values), str(output)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=600)
    if done.returncode:
        return Outcome(2, 0, done.stderr[-500:])
    message = json.loads(done.stdout.splitlines()[-1])["message"]
    if "head" not in message or not lab.same(output):
        return Outcome(2, 0, f"other bytes, or not told of the head: {message!r}")
    return _finished(lab, output.with_name("headless"), 2)


FAULTS: dict[str, Fault] = {
    "kill-driver": kill_driver, "kill-workers": kill_workers, "stop-workers": stop_workers, "kill-at": kill_at_a_place,
    "damage": damage_files, "disk-full": fill_the_disk, "poison": poison, "two-drivers": two_drivers,
    "storage": fail_storage, "two-drivers-s3": two_drivers_on_s3, "ray-node": lose_ray_nodes,
}  # fmt: skip


def _let_work(lab: Lab, driver: Driver, output: Path, draw: Random) -> None:
    """Give a driver a random time, mostly one in which it has begun to work."""
    if draw.random() < 0.8:
        lab.wait_for_work(driver, output)
        time.sleep(draw.uniform(0, lab.seconds_of_work))
    else:
        time.sleep(draw.uniform(0, lab.seconds - lab.seconds_of_work))


def _with_workers(lab: Lab, draw: Random, deed: Callable[[int], None]) -> Outcome:
    output, wanted, done = lab.output(), draw.randint(1, 3), 0
    driver = lab.start(output)
    lab.wait_for_work(driver, output)
    while done < wanted and driver.process.poll() is None:
        time.sleep(draw.uniform(0, lab.seconds_of_work / 4))
        for pid in draw.sample(found := driver.workers(), min(1, len(found))):
            with suppress(ProcessLookupError):
                deed(pid)
                done += 1
    code, said = driver.wait(), driver.said()
    if code == 0:
        return _judged(lab, output, done, 0, said)
    outcome = _finished(lab, output, done)
    outcome.resumes += 1
    outcome.note = said[-300:]
    return outcome


def _damage(path: Path, draw: Random) -> str:
    data = path.read_bytes()
    how = draw.choice(("cut", "changed", "emptied", "gone") if data else ("gone",))
    if how == "gone":
        path.unlink()
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[: draw.randrange(len(data))])
    else:
        at = draw.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])
    return how


def _finished(lab: Lab, output: Path, injected: int, note: str = "") -> Outcome:
    resumes, said = lab.finish(output)
    return _judged(lab, output, injected, resumes, said, note)


def _judged(lab: Lab, output: Path, injected: int, resumes: int, said: str, note: str = "") -> Outcome:
    if resumes < 0:
        return Outcome(injected, 0, f"no end: {said[-500:]}", note)
    if not lab.same(output):
        return Outcome(injected, resumes, "other bytes", note)
    shutil.rmtree(output, ignore_errors=True)
    return Outcome(injected, resumes, "", note)
