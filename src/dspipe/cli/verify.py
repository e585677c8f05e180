"""`dspipe verify`."""

from dspipe.cli.answers import fail, refuse
from dspipe.cli.arguments import ImportOwn, RunDirectory
from dspipe.pipeline.visible_text import visible_line


def verify(run: RunDirectory, import_own: ImportOwn = False) -> None:
    """Read a run's files again: checksums against manifests, packed rows against the plan and the documents."""
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.pipeline.report.verify import verify_run

    try:
        result = verify_run(run, import_own)
    except (RunNotFoundError, StorageError, InvalidConfigError) as error:
        refuse(str(error))
    for what, n in result.checked.items():
        print(f"{visible_line(what)}: {n:,}")
    if result.problems:
        fail("\n".join(result.problems))
    print("everything is as its manifest says")
