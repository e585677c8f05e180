"""The command line, a command a file. Heavy imports wait until a command needs them: `dspipe --help` must answer at
once.

Exit codes: 0 done, 1 the run failed, 2 the config or the input is wrong, 130 interrupted (run again to go on).
"""

from typing import Annotated

import typer

from dspipe.cli.diff import diff
from dspipe.cli.explain import explain
from dspipe.cli.export import export
from dspipe.cli.help import help_
from dspipe.cli.init import init
from dspipe.cli.plan import plan
from dspipe.cli.recall import recall
from dspipe.cli.retry_quarantine import retry_quarantine
from dspipe.cli.run import run
from dspipe.cli.sample import sample
from dspipe.cli.schema import schema
from dspipe.cli.serve import serve
from dspipe.cli.stats import stats
from dspipe.cli.status import status
from dspipe.cli.verify import verify
from dspipe.cli.whatif import whatif
from dspipe.stages.pack.cli import app as trainer_app
from dspipe.stages.quality.cli import app as classifier_app
from dspipe.stages.remix.cli import app as mixture_app
from dspipe.tokenizer.cli import app as tokenizer_app

app = typer.Typer(
    help="A pretraining data pipeline: Common Crawl shards to packed token shards, under one validated config.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(init, plan, run, retry_quarantine, status),
    *(stats, explain, whatif, diff, export, sample, recall, serve, verify, schema),
):
    app.command()(command)
app.command("help")(help_)
app.add_typer(tokenizer_app, name="tokenizer", help="Train, evaluate and apply byte-level BPE tokenizers.")
app.add_typer(classifier_app, name="classifier", help="Train and evaluate quality classifiers.")
app.add_typer(mixture_app, name="mixture", help="Find the weights of `remix` by runs of small models.")
app.add_typer(trainer_app, name="trainer", help="What trainers must be told to read packed shards.")


def _print_version(wanted: bool) -> None:
    if wanted:
        from dspipe import __version__

        print(f"dspipe {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, help="print the version")] = False,
) -> None:
    """A pretraining data pipeline: Common Crawl shards to packed token shards, under one validated config."""


def main() -> None:
    """The console script."""
    app()
