"""What stands in docs/ and is known elsewhere: tables of settings and options, and code of examples; and the JSON
Schema in configs/.

    python -m docs.generate              write it anew
    python -m docs.generate --check      say which pages would change, and fail if one would

A page holds it between two comments, and all else in it is written by hand:

    <!-- table: stage minhash -->
    ...
    <!-- end -->

Tables: `top`, `engine`, `source` (what all formats have), `source FORMAT`, `map` (what all map stages have), `stage
NAME`, `recall`, `command NAME...`. Code: `<!-- code: examples/capitals.py CapitalsStage -->` for a class or function of
a file, without a name for the whole file. tests/test_docs.py checks that each table is there, once, and all of it up to
date.
"""

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import click
import typer

from dspipe.cli import app
from dspipe.pipeline.config.describe import Setting, settings_of, tables
from dspipe.pipeline.config.schema import json_schema
from dspipe.stages.quality.recall.config import RecallConfig

DOCS = Path(__file__).parent
SCHEMA = DOCS.parent / "configs" / "dspipe.schema.json"
TABLE = re.compile(r"(<!-- table: (?P<what>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
CODE = re.compile(r"(<!-- code: (?P<file>\S+) ?(?P<name>\w*) -->\n).*?(<!-- end -->)", re.DOTALL)


def commands() -> dict[str, click.Command]:
    """Every command of the command line that does something, by its name: `run`, `tokenizer train`."""
    return dict(_commands(cast(click.Group, typer.main.get_command(app)), ()))


def all_tables() -> dict[str, list[Setting]]:
    """Every table of settings: those of runs' configs, and of the config of `dspipe recall`."""
    return {**tables(), "recall": settings_of(RecallConfig)}


def render(what: str) -> str:
    """The table of that name, as Markdown. Raises KeyError."""
    if what.startswith("command "):
        return _command_table(commands()[what.removeprefix("command ")])
    settings = all_tables()[what]
    if not settings:
        return "No settings of its own.\n"
    rows = [(f"`{s.key}`", s.type, s.default, s.description) for s in settings]
    return _markdown(("setting", "type", "default", "what it does"), rows)


def code(file: str, name: str) -> str:
    """A class or function of a Python file, or the whole file, as Markdown. Raises StopIteration."""
    text = (DOCS.parent / file).read_text("utf-8")
    if name:
        nodes = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef))
        text = f"{ast.get_source_segment(text, next(node for node in nodes if node.name == name))}\n"
    return f"```python\n{text}```\n"


def write(page: str) -> str:
    """A page with its tables and code written anew."""
    page = TABLE.sub(lambda match: f"{match[1]}{render(match['what'])}{match[3]}", page)
    return CODE.sub(lambda match: f"{match[1]}{code(match['file'], match['name'])}{match[4]}", page)


def schema() -> str:
    """The JSON Schema of configs, which the shipped ones name for editors."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the tables and code in docs/ anew.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a page would change")
    check = parser.parse_args().check
    changed = []
    pages = {path: write(path.read_text("utf-8")) for path in sorted(DOCS.glob("*.md"))}
    for path, written in {**pages, SCHEMA: schema()}.items():
        if not path.exists() or written != path.read_text("utf-8"):
            changed.append(path.name)
            if not check:
                path.write_text(written, "utf-8")
    print(f"{'out of date' if check else 'written'}: {', '.join(changed)}" if changed else "all pages are up to date")
    sys.exit(1 if check and changed else 0)


def _commands(group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(cast(click.Group, command), (*names, name))
        else:
            yield " ".join((*names, name)), command


def _command_table(command: click.Command) -> str:
    rows = []
    for parameter in command.params:
        option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if option else str(parameter.metavar or parameter.name).strip("{}.")
        default = parameter.default if not parameter.required and parameter.default not in (None, False, ()) else None
        rows.append(
            (
                f"`{name}`",
                "*required*" if parameter.required else f"`{default}`" if default is not None else "",
                getattr(parameter, "help", None) or "",
            )
        )
    return _markdown(("argument or option", "default", "what it is"), rows) if rows else "No options.\n"


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    main()
