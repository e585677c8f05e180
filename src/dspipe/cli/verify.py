"""`dspipe verify`."""

from dspipe.cli.answers import fail, refuse
from dspipe.cli.arguments import RunDirectory


def verify(run: RunDirectory) -> None:
    """Read a run's files again: checksums against manifests, packed rows against the plan and the documents."""
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.pipeline.report.verify import verify_run

    try:
        result = verify_run(run)
    except (RunNotFoundError, StorageError, InvalidConfigError) as error:
        refuse(str(error))
    for what, n in result.checked.items():
        print(f"{what}: {n:,}")
    if result.problems:
        fail("\n".join(result.problems))
    print("everything is as its manifest says")
