"""The command line. Heavy imports wait until a command needs them: `dspipe --help` must answer at once.

Exit codes: 0 done, 1 the run failed, 2 the config or the input is wrong, 130 interrupted (run again to go on).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from dspipe.pipeline.visible_text import visible, visible_line
from dspipe.stages.pack.cli import app as trainer_app
from dspipe.stages.quality.cli import app as classifier_app
from dspipe.tokenizer.cli import app as tokenizer_app

if TYPE_CHECKING:
    from rich.console import Console

    from dspipe.pipeline.run.retry_quarantine import QuarantineRetry

app = typer.Typer(
    help="A pretraining data pipeline: Common Crawl shards to packed token shards, under one validated config.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(tokenizer_app, name="tokenizer", help="Train, evaluate and apply byte-level BPE tokenizers.")
app.add_typer(classifier_app, name="classifier", help="Train and evaluate quality classifiers.")
app.add_typer(trainer_app, name="trainer", help="What trainers must be told to read packed shards.")

ConfigFile = Annotated[Path, typer.Argument(help="the YAML config", metavar="CONFIG")]
RunDirectory = Annotated[str, typer.Argument(help="the run's output directory or address", metavar="RUN")]
ImportOwn = Annotated[
    bool,
    typer.Option("--import-own", help="ask stages of the run's own, too: imports, and so runs, what its config names"),
]
By = Literal["source", "domain"]
Edits = Annotated[
    list[str] | None,
    typer.Option("--set", help="set a key of the config, e.g. --set stages.minhash.bands=20", metavar="KEY=YAML"),
]


@app.command()
def run(config: ConfigFile, edits: Edits = None) -> None:
    """Run a config, or go on where an earlier run of it stopped."""
    _run_or_say_why(config, edits or [])


@app.command()
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

    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
    from dspipe.pipeline.storage.secrets import HIDDEN
    from dspipe.pipeline.storage.store import Store

    with tempfile.TemporaryDirectory() as folder:
        path = config or Path(folder) / "config.yaml"
        if config is None:
            try:
                store = Store(run)
                kept = store.read_bytes("config.yaml") if store.exists("config.yaml") else b""
            except (OSError, StorageError) as error:
                _refuse(str(error))
            if not kept:
                _refuse(f"{run} holds no run (there is no config.yaml); give the `output` directory of a config")
            if HIDDEN.encode() in kept:
                _refuse(f"the copy of the config in {run} has no passwords; give the config itself with --config")
            path.write_bytes(kept)
        _run_or_say_why(path, [f"output={json.dumps(run)}", *(edits or [])], QuarantineRetry(everything))


def _run_or_say_why(config: Path, edits: list[str], retry: "QuarantineRetry | None" = None) -> None:
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import ConfigError, ConservationError, RunFailedError, StorageError

    try:
        _run(config, edits, retry)
    except InvalidConfigError as error:
        _refuse(str(error))
    except (ConfigError, StorageError) as error:
        _refuse(str(error))
    except ConservationError as error:
        _fail(f"documents were lost or changed, so the run was stopped: {error}")
    except RunFailedError as error:
        if error.user:
            _refuse(str(error))
        if error.traceback:
            print(visible(error.traceback), file=sys.stderr)
        _fail(
            f"{error}\nWhat is finished is kept: the same command goes on from there." if error.resumes else str(error)
        )
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


def _run(path: Path, edits: list[str], retry: "QuarantineRetry | None") -> None:
    import signal

    from dspipe.pipeline.config.run_config import check, load_config
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.report.left_out import left_out_line, repeated_ids_line
    from dspipe.pipeline.report.stats import print_funnel
    from dspipe.pipeline.run.executors import make_executor
    from dspipe.pipeline.run.progress import make_progress
    from dspipe.pipeline.run.run import run_plan
    from dspipe.pipeline.run.run_file import read_run

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    config = load_config(path, edits)
    check(config)
    plan = make_plan(config)
    executor = make_executor(config.engine)
    try:
        with make_progress() as progress:
            result = run_plan(plan, executor, progress, retry)
    finally:
        executor.close()
    finished = read_run(config.output)[1]
    print_funnel(finished, _console())
    for line in (left_out_line(finished, config.output), repeated_ids_line(finished)):
        if line:
            print(f"\n{visible_line(line)}")
    if retry is not None:
        print(f"\n{visible_line(retry.said())}")
    where = visible_line(result.store.root)
    print(f"\n{where}: done, {result.tasks_run:,} tasks run. All tables: dspipe stats {visible_line(config.output)}")


@app.command()
def plan(config: ConfigFile, edits: Edits = None) -> None:
    """Validate a config and explain what a run of it would do, without reading the data."""
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.config.run_config import check, load_config
    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.report.show_plan import print_plan

    try:
        loaded = load_config(config, edits or [])
        check(loaded)
        print_plan(make_plan(loaded, tolerate_unreachable=True), _console())
    except (InvalidConfigError, StorageError) as error:
        _refuse(str(error))


@app.command()
def stats(
    run: RunDirectory,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="write one HTML page", metavar="FILE")] = None,
    by: Annotated[By | None, typer.Option(help="only the funnel of each source, or of each domain")] = None,
) -> None:
    """Print the tables of a run: the funnel, the domains, the phases and what the stages report."""
    from dspipe.pipeline.errors import RunNotFoundError
    from dspipe.pipeline.report.page import html_page
    from dspipe.pipeline.report.stats import as_json, print_stats
    from dspipe.pipeline.run.run_file import read_run

    try:
        _, found = read_run(run)
    except RunNotFoundError as error:
        _refuse(str(error))
    if json:
        print(as_json(found))
    elif html is not None:
        try:
            html.write_text(html_page(found), "utf-8")
        except OSError as error:
            _refuse(f"cannot write {html}: {error.strerror}")
    else:
        print_stats(found, _console(), by)


@app.command()
def explain(
    run: RunDirectory,
    document: Annotated[str, typer.Argument(help="a document's id or URL", metavar="ID|URL")],
    import_own: ImportOwn = False,
) -> None:
    """Print one document's way through a run: its columns, scores, verdicts and what it duplicates."""
    from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError, RunNotFoundError
    from dspipe.pipeline.report.explain import explain as explained
    from dspipe.pipeline.report.explain import print_explanation
    from dspipe.pipeline.run.run_file import read_run

    try:
        print_explanation(explained(*read_run(run), document, import_own), _console())
    except (RunNotFoundError, DocumentNotFoundError) as error:
        _refuse(str(error))
    except DamagedFileError as error:
        _fail(f"{error}; `dspipe run` with the run's config makes it anew")


@app.command()
def verify(run: RunDirectory, import_own: ImportOwn = False) -> None:
    """Read a run's files again: checksums against manifests, packed rows against the plan and the documents."""
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.pipeline.report.verify import verify_run

    try:
        result = verify_run(run, import_own)
    except (RunNotFoundError, StorageError, InvalidConfigError) as error:
        _refuse(str(error))
    for what, n in result.checked.items():
        print(f"{visible_line(what)}: {n:,}")
    if result.problems:
        _fail("\n".join(result.problems))
    print("everything is as its manifest says")


@app.command()
def schema() -> None:
    """Print the JSON Schema of configs, for editors."""
    import json

    from dspipe.pipeline.config.schema import json_schema

    print(json.dumps(json_schema(), indent=1))


def main() -> None:
    """The console script."""
    app()


def _console() -> "Console":
    from rich.console import Console

    # tables written to a file or a pipe must not be cut to 80 columns
    return Console(width=None if sys.stdout.isatty() else 160)


def _refuse(message: str) -> NoReturn:
    print(f"error: {visible(message)}", file=sys.stderr)
    raise typer.Exit(2)


def _fail(message: str) -> NoReturn:
    print(f"failed: {visible(message)}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
