"""A map stage of the chaos runs: dies on poisoned documents in the way that the environment says, and ends processes at
chosen places.

DSPIPE_CHAOS_POISON   {"0": "segfault"}: how documents `POISON 0` end; those it doesn't name raise an exception
DSPIPE_CHAOS_PLACE    {"file": "*.manifest.json", "when": "before", "once": PATH}: the first process that writes such a
                      file, whichever comes first, ends itself with SIGKILL `before` it, when it is `written` but hasn't
                      its name yet, or `after`; PATH is made then, so that it happens once
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import MapConfig, MapStage
from dspipe.pipeline.storage.store import Store

Poison = Literal["raise", "hang", "segfault", "exit", "memory"]
POISONS: tuple[Poison, ...] = ("raise", "hang", "segfault", "exit", "memory")
WORD = "POISON"


class SaboteurConfig(MapConfig):
    """No settings: what happens is no part of any key."""


class Saboteur(MapStage[SaboteurConfig]):
    """Measures nothing of use."""

    Config = SaboteurConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("saboteur.bytes", pa.int64()),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        poisoned = pc.match_substring(batch.column("text"), WORD)
        for text in batch.column("text").filter(poisoned).to_pylist():
            poisons = json.loads(os.environ.get("DSPIPE_CHAOS_POISON", "{}"))
            _die(poisons.get(text.split()[-1], "raise"))
        return batch.append_column("saboteur.bytes", pc.binary_length(batch.column("text")).cast(pa.int64()))


def _die(how: Poison) -> None:
    if how == "hang":
        time.sleep(1e6)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(3)
    elif how == "memory":
        np.ones(1 << 33, np.uint8)
    raise ValueError("this text is poisoned")


def _sabotage(place: dict[str, str]) -> None:
    whole = Store.writing

    def now() -> bool:
        try:
            os.close(os.open(place["once"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def end() -> None:
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    @contextlib.contextmanager
    def writing(self: Store, name: str, *more: Any, **named: Any) -> Iterator[BinaryIO]:
        concerned, when = fnmatch(name, place["file"]), place["when"]
        if concerned and when == "before" and now():
            end()
        with whole(self, name, *more, **named) as file:
            yield file
            if concerned and when == "written" and now():
                end()
        if concerned and when == "after" and now():
            end()

    Store.writing = writing  # type: ignore[method-assign]


if _place := os.environ.get("DSPIPE_CHAOS_PLACE"):
    _sabotage(json.loads(_place))
