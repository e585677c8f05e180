"""`dspipe retry-quarantine`."""

from pathlib import Path
from typing import Annotated

import typer

from dspipe.cli.answers import refuse
from dspipe.cli.arguments import Edits, RunDirectory
from dspipe.cli.run import run_or_say_why


def retry_quarantine(
    run: RunDirectory,
    everything: Annotated[bool, typer.Option("--all", help="also records that couldn't be read")] = False,
    config: Annotated[
        Path | None, typer.Option(help="the config that the run was made with; default: the copy in RUN")
    ] = None,
    edits: Edits = None,
) -> None:
    """Try the records again that a run's stages failed on, once the cause is mended, and redo what depends on them."""
    import json
    import tempfile

    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
    from dspipe.pipeline.run.run_file import read_run_config
    from dspipe.pipeline.storage.secrets import HIDDEN
    from dspipe.pipeline.storage.store import Store

    with tempfile.TemporaryDirectory() as folder:
        path = config or Path(folder) / "config.yaml"
        if config is None:
            try:
                store = Store(run)
                kept = store.read_bytes("config.yaml") if store.exists("config.yaml") else b""
            except (OSError, StorageError) as error:
                refuse(str(error))
            if not kept:
                refuse(f"{run} holds no run (there is no config.yaml); give the `output` directory of a config")
            if HIDDEN.encode() in kept:
                refuse(f"the copy of the config in {run} has no passwords; give the config itself with --config")
            try:
                read_run_config(store)
            except InvalidConfigError as error:
                refuse(str(error))
            path.write_bytes(kept)
        retry = QuarantineRetry(everything)
        run_or_say_why(path, [f"output={json.dumps(run)}", *(edits or [])], retry=retry)
