"""What a recall's output says of itself: what it was begun with, and the rounds that are done.

recall.json                the settings, the seeds and the run that it was begun with
random.parquet             the random pages
models/round-1.bin, .json  a round's classifier, and what it was trained on
scores/HASH/               its scores, a file a shard, by the model's hash
recalled-round-1/          what the round recalled, a file a shard
hosts-round-1.parquet      all hosts, with pages and recalled pages
hosts-round-1.yaml         those to be annotated
round-1.json               the round's figures: it is done
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.store import TEMPORARY, Store
from dspipe.stages.quality.recall.config import RecallConfig

BEGUN = "recall.json"
_MAY_CHANGE = {"run", "output", "seed", "rounds", "stop_below"}
"""settings whose values aren't compared: places, of which what they hold is, and when to end"""


class RecallError(Exception):
    """A recall can't go on: what is wrong and what to do. Exit code 2."""


@dataclass(frozen=True)
class Round:
    """A round that is done."""

    number: int
    model: str
    """sha256"""
    decided: str
    """a hash of the decisions that it was made with"""
    positives: int
    negatives: int
    roc_auc: float | None
    threshold: float
    recalled: int
    new: int
    """pages that no round before recalled"""
    hosts: int
    """hosts of recalled pages"""
    new_hosts: int
    bytes: int
    tokens: int
    listed: int
    """hosts that are to be annotated"""

    @property
    def new_share(self) -> float:
        """New pages among the recalled ones."""
        return self.new / self.recalled if self.recalled else 0.0


def record_name(number: int) -> str:
    """The file that says that a round is done."""
    return f"round-{number}.json"


def model_name(number: int) -> str:
    """The file of a round's model."""
    return f"models/round-{number}.bin"


def read_round(store: Store, number: int) -> Round | None:
    """A round, if it is done. Raises RecallError, DamagedFileError."""
    if not store.exists(record_name(number)):
        return None
    try:
        found = Round(**store.read_json(record_name(number)))
    except TypeError:
        raise DamagedFileError(store.path(record_name(number)), "is no record of a round") from None
    check_model(store, number, found.model)
    return found


def write_round(store: Store, done: Round) -> None:
    """Say that a round is done."""
    store.write_json(record_name(done.number), asdict(done))


def check_model(store: Store, number: int, sha256: str) -> None:
    """Raises RecallError where a round's model isn't the one that it was trained to."""
    name = model_name(number)
    try:
        same = hashlib.sha256(store.read_bytes(name)).hexdigest() == sha256
    except FileNotFoundError:
        same = False
    if not same:
        later = f"{store.path(record_name(number))} and {store.path(name.replace('.bin', '.json'))}"
        raise RecallError(
            f"{store.path(name)} is gone or isn't the model that round {number} scored with; put it back, or remove "
            f"{later} (and the records of later rounds) and the round is made anew"
        )


def begin(store: Store, config: RecallConfig, seeds: str, run: str, where: Locator) -> None:
    """Say what this recall is begun with, or see that it is what it was begun with. Raises RecallError."""
    now: dict[str, Any] = {
        "dspipe_recall": 1,
        "settings": config.model_dump(mode="json", exclude=_MAY_CHANGE),
        "seeds": seeds,
        "run": run,
    }
    if not store.exists(BEGUN):
        there = sorted(name for name in (*store.names(""), *store.folders()) if not name.startswith(TEMPORARY))
        if there:
            raise RecallError(
                f"{store.root} holds {there[0]} and is no recall of dspipe: name a folder that is empty or isn't there"
            )
        store.write_json(BEGUN, now)
        return
    before = store.read_json(BEGUN)
    if not isinstance(before, dict) or before.get("dspipe_recall") != 1:
        raise RecallError(f"{store.path(BEGUN)} is another program's: name another output")
    begun = before["settings"]
    changed = [
        f"{where.place((name,))}: {name}: is {value!r} here, and {store.root} was begun with {begun.get(name)!r}"
        for name, value in now["settings"].items()
        if value != begun.get(name)
    ]
    for name, what in (("seeds", "the seeds are others"), ("run", "the run keeps other documents or texts")):
        if now[name] != before[name]:
            key = name.removesuffix("s")
            changed.append(f"{where.place((key,))}: {key}: {what} than {store.root} was begun with")
    if changed:
        raise RecallError("\n".join([*changed, "put back what was changed, or name another output"]))
