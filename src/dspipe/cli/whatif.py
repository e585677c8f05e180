"""`dspipe whatif`."""

from typing import Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import Edits, ImportOwn, RunDirectory


def whatif(
    run: RunDirectory,
    edits: Edits = None,
    samples: Annotated[int, typer.Option(help="documents shown that come in, and that drop out", min=0)] = 3,
    seed: Annotated[int, typer.Option(help="other samples", min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    import_own: ImportOwn = False,
) -> None:
    """Say what other settings would keep and drop, from a run's columns, without running anything."""
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
    from dspipe.pipeline.inspection.document_table import DocumentTable
    from dspipe.pipeline.inspection.what_if import WhatIf
    from dspipe.pipeline.rejudging import NeedsRunError
    from dspipe.pipeline.report.show_whatif import print_answer
    from dspipe.pipeline.visible_text import visible_json

    if not edits:
        refuse("what is to be another way? e.g. --set stages.heuristics.gopher.min_words=30")
    try:
        answer = WhatIf(DocumentTable.open(run), import_own).ask(edits, samples, seed)
    except (RunNotFoundError, InvalidConfigError) as error:
        refuse(str(error))
    except NeedsRunError as error:
        refuse(f"not known without a run: {error}")
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")
    if json:
        from json import dumps

        print(visible_json(dumps(answer.as_json(), ensure_ascii=False)))
    else:
        print_answer(answer, make_console())
