"""`dspipe diff`."""

from typing import Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ImportOwn


def diff(
    a: Annotated[str, typer.Argument(help="a run's output directory or address", metavar="RUN_A")],
    b: Annotated[str, typer.Argument(help="another one's", metavar="RUN_B")],
    samples: Annotated[int, typer.Option(help="documents shown of each flow", min=0)] = 2,
    seed: Annotated[int, typer.Option(help="other samples", min=0)] = 0,
    texts: Annotated[bool, typer.Option("--texts", help="read and compare texts, too, where files differ")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    import_own: ImportOwn = False,
) -> None:
    """Say which documents two runs judged differently: flows from verdict to verdict, with samples."""
    from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
    from dspipe.pipeline.inspection.diff.diff import diff_runs
    from dspipe.pipeline.inspection.document_table import DocumentTable
    from dspipe.pipeline.report.show_diff import print_difference
    from dspipe.pipeline.visible_text import visible_json

    try:
        found = diff_runs(DocumentTable.open(a), DocumentTable.open(b), samples, seed, texts, import_own)
    except RunNotFoundError as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")
    if json:
        from json import dumps

        print(visible_json(dumps(found.as_json(), ensure_ascii=False)))
    else:
        print_difference(found, make_console())
