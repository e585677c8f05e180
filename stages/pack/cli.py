"""`dspipe trainer`: what trainers must be told to read packed shards."""

import sys
from typing import Annotated

import typer

from dspipe.pipeline.visible_text import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def trainer() -> None:
    """What trainers must be told to read packed shards."""


@app.command()
def megatron(
    run: Annotated[str, typer.Argument(help="the run's output directory, or its index.json", metavar="RUN")],
) -> None:
    """Print Megatron-LM's options for a run's packed shards, so that each of its samples is one row.

    For example: python pretrain_gpt.py $(dspipe trainer megatron runs/quickstart) ...
    """
    from dspipe.stages.pack.reading.megatron_options import list_options
    from dspipe.stages.pack.reading.shard_files import ShardError, Shards

    try:
        options = list_options(run)
        manifest = Shards(run).manifest
    except (ShardError, OSError) as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        raise typer.Exit(2) from None
    print("\n".join(options))
    if not any(option.startswith("--tokenizer-type") for option in options):
        note = f"the tokenizer that you give it must have {manifest.end_token} as its end of document"
        print(f"note: no tokenizer beside the shards; {note}", file=sys.stderr)
