"""dspipe: Common Crawl shards to packed token shards, under one validated config.

    import dspipe

    dspipe.run("configs/quickstart.yaml")            what `dspipe run` does
    dspipe.plan("configs/cc.yaml")                   its phases, without running them
    run = dspipe.open_run("runs/quickstart")         a run that has ended, or has come some way
    dspipe.PackedDataset("runs/quickstart")          its rows, for a trainer
    dspipe.testing.check_stage(MyStage, {...})       does a stage of one's own keep the contract?

Nothing heavy is imported before it is used: a trainer that reads shards needs numpy alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dspipe import testing
    from dspipe.api import Run, open_run, plan, run
    from dspipe.stages.pack.reading.reader import PackedDataset

__all__ = ["PackedDataset", "Run", "__version__", "open_run", "plan", "run", "testing"]

_HOMES = {
    "PackedDataset": "dspipe.stages.pack.reading.reader",
    "Run": "dspipe.api",
    "open_run": "dspipe.api",
    "plan": "dspipe.api",
    "run": "dspipe.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "testing":
        return importlib.import_module("dspipe.testing")
    if name == "__version__":
        from importlib.metadata import version

        return version("dspipe")
    raise AttributeError(f"module 'dspipe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
