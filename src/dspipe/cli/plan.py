"""`dspipe plan`."""

from dspipe.cli.answers import make_console, refuse
from dspipe.cli.arguments import ConfigFile, Edits


def plan(config: ConfigFile, edits: Edits = None) -> None:
    """Validate a config and explain what a run of it would do, without reading the data."""
    from dspipe import api
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.report.show_plan import print_plan

    try:
        print_plan(api.plan(config, edits or [], tolerate_unreachable=True), make_console())
    except (InvalidConfigError, StorageError) as error:
        refuse(str(error))
