"""`dspipe explain`."""

from typing import Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ImportOwn, RunDirectory


def explain(
    run: RunDirectory,
    document: Annotated[str, typer.Argument(help="a document's id or URL", metavar="ID|URL")],
    json: Annotated[bool, typer.Option("--json", help="one JSON object a line: each document of that name")] = False,
    import_own: ImportOwn = False,
) -> None:
    """Print one document's way through a run: columns beside their limits, verdicts, what was kept instead of it."""
    from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError, RunNotFoundError
    from dspipe.pipeline.inspection.explain import explain as explained
    from dspipe.pipeline.report.show_explanation import print_explanation
    from dspipe.pipeline.run.run_file import read_run
    from dspipe.pipeline.visible_text import visible_json

    try:
        stories = explained(*read_run(run), document, import_own)
    except (RunNotFoundError, DocumentNotFoundError) as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")
    if json:
        from json import dumps

        for story in stories:
            print(visible_json(dumps(story.as_json(), ensure_ascii=False)))
    else:
        print_explanation(stories, make_console())
