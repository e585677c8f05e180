"""`dspipe classifier`: train a fastText classifier of quality or topics, see how good it is, calibrate it."""

import typer

from dspipe.stages.quality.commands.agreement import agreement
from dspipe.stages.quality.commands.calibrate import calibrate
from dspipe.stages.quality.commands.evaluate import evaluate
from dspipe.stages.quality.commands.train import train

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (train, evaluate, agreement, calibrate):
    app.command()(command)
