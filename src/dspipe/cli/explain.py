"""`dspipe explain`."""

from typing import Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ImportOwn, RunDirectory


def explain(
    run: RunDirectory,
    document: Annotated[str, typer.Argument(help="a document's id or URL", metavar="ID|URL")],
    import_own: ImportOwn = False,
) -> None:
    """Print one document's way through a run: its columns, scores, verdicts and what it duplicates."""
    from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError, RunNotFoundError
    from dspipe.pipeline.inspection.explain import explain as explained
    from dspipe.pipeline.report.show_explanation import print_explanation
    from dspipe.pipeline.run.run_file import read_run

    try:
        print_explanation(explained(*read_run(run), document, import_own), make_console())
    except (RunNotFoundError, DocumentNotFoundError) as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")
