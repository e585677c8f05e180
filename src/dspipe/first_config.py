"""`dspipe init FILES`: a config to begin with, from a look at the beginning of each file. It runs as it is, and is
commented to be edited."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dspipe.look_at_files import Looked, look_at

_LEAST_SHARE = 0.05
"""of the documents looked at, that a language has to be kept"""


def first_config(given: Sequence[Path]) -> str:
    """The text of a config over files and folders. Raises NothingToReadError."""
    return _write(look_at(given))


def _domain(one: Looked) -> str:
    if one.format in ("warc", "wet"):
        return "web"
    return "code" if one.code else _word((one.folder or one.paths[0].parent).name) or "text"


def _word(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", name.split(".")[0]).strip("-").lower()


def _names(looked: Sequence[Looked]) -> Iterator[str]:
    taken: set[str] = set()
    for one in looked:
        place = one.folder or (one.paths[0] if len(one.paths) == 1 else one.paths[0].parent)
        base = _word(place.resolve().name) or one.format
        name = next(name for n in range(1, 1000) if (name := base if n == 1 else f"{base}-{n}") not in taken)
        taken.add(name)
        yield name


def _write(looked: Sequence[Looked]) -> str:
    names = list(_names(looked))
    languages: Counter[str] = sum((one.languages for one in looked), Counter())
    kept = [name for name, n in languages.most_common() if n >= _LEAST_SHARE * languages.total()]
    size = sum(one.size for one in looked)
    said = {domain for one in looked for domain in one.said_domains}
    prose = sorted({_domain(one) for one in looked if not one.code} | (said - {"code"}))
    code = any(one.code for one in looked) or "code" in said
    only = (
        f"\n      domains: [{', '.join(map(_yaml, prose))}] # not code, most of which rules for prose would drop"
        if code
        else ""
    )
    lines = [
        "# yaml-language-server: $schema=dspipe.schema.json",
        "# (for editors that complete and check it; `dspipe schema > dspipe.schema.json` makes that file)",
        "#",
        "#     dspipe plan CONFIG --sample 200   what would run, tried on the first records",
        "#     dspipe run CONFIG                 run it; the same command goes on after a stop",
        "#     dspipe help STAGE                 what a stage does, and its settings",
        "",
        f"name: {names[0]}",
        f"output: runs/{names[0]} # everything that is made is written there",
        "seed: 17 # decides every shuffle and sample",
        "engine: local # worker processes on this machine",
        "",
        "sources:",
        *(line for one, name in zip(looked, names, strict=True) for line in _source_lines(one, name)),
        "",
        "stages: # in this order; each can be taken out",
    ]
    if any(one.format == "warc" for one in looked):
        lines.append("  - extract: {} # the main text of HTML pages")
    lines.append("  - unicode: {} # repairs wrongly decoded text, normalizes to NFC")
    if any(one.format in ("warc", "wet") for one in looked):
        lines.append("  - lines: {domains: [web]} # lines of menus, scripts and counters go")
    if kept and prose:
        keep = ", ".join(f"{name}: 0.5" for name in kept)
        lines.append(
            "  - language: # the languages found in a look at the first documents, and the least score of each"
        )
        lines.append(f"      keep: {{{keep}}}{only}")
    if prose:
        rules = "gopher, c4, fineweb" if any(one.format in ("warc", "wet") for one in looked) else "gopher"
        lines.append(
            "  - heuristics: # rules for the quality of prose; `dspipe explain` says which one dropped a document"
        )
        lines.append(f"      rules: [{rules}]{only}")
    lines += [
        "  - exact_dedup: {} # one document of each text",
        "  - minhash: {} # one of each set of near-duplicates",
        "  # - remix: {weights: {...}} # how often each domain is seen, by its part of the tokens",
        *_tokenizer_lines(size),
        f"  - pack: {{length: 2048}} # rows of tokens for a trainer, in runs/{names[0]}/shards",
    ]
    return "\n".join(lines) + "\n"


def _source_lines(one: Looked, name: str) -> Iterator[str]:
    yield f"  - name: {_yaml(name)}"
    yield f"    format: {one.format}"
    paths = [str(path) for path in one.paths]
    if len(paths) == 1:
        yield f"    path: {_yaml(paths[0])}"
    else:
        yield "    path:"
        yield from (f"      - {_yaml(path)}" for path in paths)
    if one.there:
        yield f"    # fields of the first records: {', '.join(one.there[:12])}"
        yield "    # `columns: {score: FIELD}` takes a number along, for stages such as `where`"
    if one.fields:
        yield f"    fields: {{{', '.join(f'{key}: {_yaml(value)}' for key, value in one.fields.items())}}}"
    others = ", ".join(name for name, _ in one.said_domains.most_common(6))
    said = f" # of documents that don't say one; the first ones say: {others}" if others else ""
    yield f"    domain: {_yaml(_domain(one))}{said}"


def _tokenizer_lines(size: int) -> Iterable[str]:
    vocab = 8000 if size < 50e6 else 32000 if size < 5e9 else 100_000
    return [
        "  - tokenizer: # trained on what is kept; or `path: tokenizer.json` for one that is there",
        f"      train: {{vocab: {vocab}}}",
    ]


def _yaml(text: str) -> str:
    """A string in YAML, quoted where it must be."""
    return (
        text
        if re.fullmatch(r"[A-Za-z_./][\w./-]*", text) and text.lower() not in ("null", "true", "false")
        else json.dumps(text)
    )
