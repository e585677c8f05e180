"""`dspipe serve`."""

from typing import Annotated

import typer

from dspipe.cli.answers import refuse
from dspipe.pipeline.visible_text import visible_line


def serve(
    runs: Annotated[str, typer.Argument(help="a folder or address of runs, or one run's", metavar="RUNS_DIR")],
    host: Annotated[str, typer.Option(help="listen there; elsewhere than on loopback a token is asked for")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="0: a free one", min=0, max=65535)] = 8017,
    token: Annotated[bool, typer.Option("--token", help="ask for a token on loopback, too")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
) -> None:
    """Show runs in a browser: progress, statistics, documents, thresholds that move, differences, packed rows."""
    from dspipe.pipeline.errors import RunNotFoundError
    from dspipe.serve.runs_folder import RunsFolder
    from dspipe.serve.server import AddressError, listen
    from dspipe.serve.server import serve as serve_runs

    try:
        folder = RunsFolder(runs)
        listening = listen(host, port, token)
    except (RunNotFoundError, AddressError) as error:
        refuse(str(error))
    print(f"{visible_line(folder.root)} at {listening.address} (Ctrl+C ends it)", flush=True)
    if listening.token:
        print("whoever has this address can read the runs; nothing is encrypted on the way", flush=True)
    if open_browser:
        import webbrowser

        if not webbrowser.open(listening.address):
            print("no browser was found here: open that address in one", flush=True)
    serve_runs(folder, listening)
