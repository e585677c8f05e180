"""What a block of shell commands would run, without running it: bash itself reads the block, with programs that write
down their arguments. So quotes, wildcards, variables and `$(...)` are what they are for a reader who pastes it."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

_STUB = '#!/bin/bash\n{ printf "%s\\0" "${0##*/}" "$@"; printf "\\n\\0"; } >> "$RECORD"\n'
_BUILT_IN = ("mkdir", "cat")
"""programs that are as they are"""


def make_programs(folder: Path, names: Iterable[str]) -> None:
    """Programs that write down their arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(_STUB)
        (folder / name).chmod(0o755)
    for name in _BUILT_IN:
        (folder / name).symlink_to(next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists()))


def commands_in(block: str, programs: Path, cwd: Path) -> list[list[str]]:
    """The commands that a block runs, in their order, where wildcards stand for files below `cwd`. Raises
    AssertionError for a block that bash can't read, and for a program that `programs` doesn't have."""
    record = programs / "record"
    record.write_text("")
    environment = {"PATH": str(programs), "RECORD": str(record), "HOME": str(cwd)}
    script = ["/bin/bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(script, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = [[]]
    for word in record.read_text().split("\0")[:-1]:
        if word == "\n":
            found.append([])
        else:
            found[-1].append(word)
    return found[:-1]
