"""`dspipe help TOPIC`: what a stage, a source format or a part of the config does, its settings, an example; and how
conditions on columns are written."""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from dspipe.pipeline.config.describe import Setting, settings_of, shared_tables, stage_settings
from dspipe.pipeline.config.discovery import OwnModuleError, source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.schema import summary_of
from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.source import Source, SourceConfig
from dspipe.pipeline.stage import MapConfig, Stage

_TOP = {
    "config": ("The keys at the top of a config.", "top"),
    "engine": ("Where and how tasks run: `engine: local`, or a mapping.", "engine"),
    "sources": ("What every source takes, whatever its format.", "source"),
}
_CONDITIONS = (
    "conditions",
    "Conditions on columns, as `--where` of `dspipe sample` and other commands takes them.",
    (
        "A condition is an expression of SQL, as in DuckDB, on the columns of a run:",
        "",
        "    language = 'zh' and quality > 0.9",
        "    heuristics.words between 20 and 60 and reason is null",
        "    domain in ('code', 'math') or lower(url) like '%.edu/%'",
        "    regexp_matches(url, '^https?://[^/]*example')",
        "    stage = 'minhash' and not source = 'books'",
        "",
        "Joining: and, or, not, brackets.",
        "Comparing: = <> != < <= > >=, between ... and ..., in (...), is null, is not null, is true, is false.",
        "Text, in single quotes: like (% is any characters, _ is one), ilike (in any case), regexp_matches(column, "
        "'re') (RE2, anywhere in the text), length(column) in characters, lower(column).",
        "Numbers: + - * /. A column of single precision, such as a score, is compared in it, as verdicts are.",
        "Null: what compares with a null is neither true nor false, and is not chosen.",
        "",
        "Columns: id, url, domain, language, source, dump, date, text_bytes, the columns that the stages add (`dspipe "
        "help STAGE`; names with dots are written as they are, others in double quotes), and",
        "  reason: why the document was dropped; null: it is kept",
        "  stage: which stage dropped it",
        "  text: its text, where it is stored: a condition on it reads all texts",
    ),
)
_EXAMPLES = {
    "config": ["name: try", "output: runs/try", "engine: local", "sources: [...]", "stages: [...]"],
    "engine": ["engine: {kind: local, workers: 8, memory: 2GiB}"],
    "sources": ['- {name: books, format: jsonl, path: "books/*.jsonl.zst", domain: books}'],
    "warc": ['- {name: cc, format: warc, path: "crawl/*.warc.gz", dump: 2024-10}'],
    "cdx": ["- {name: cc, format: cdx, path: 'index/*.parquet', root: 's3://commoncrawl/', where: status = 200}"],
    "wet": ['- {name: cc, format: wet, path: "crawl/*.warc.wet.gz", dump: 2024-10}'],
    "jsonl": ['- {name: books, format: jsonl, path: "books/*.jsonl.zst", fields: {text: body}, domain: books}'],
    "parquet": ['- {name: code, format: parquet, path: "code/*.parquet", fields: {text: content}, domain: code}'],
    "files": ['- {name: manuals, format: files, path: "**/*.md", root: /data/manuals, domain: manuals}'],
}


class UnknownTopicError(Exception):
    """There is nothing of that name to say something about; the message says what there is."""


def topics() -> list[str]:
    """What there is help for."""
    return [*_TOP, _CONDITIONS[0], *source_formats(), *stage_names()]


def help_text(topic: str, width: int) -> str:
    """The help for a topic, in lines of at most `width` characters where words allow it. Raises UnknownTopicError."""
    name, said, rest = _CONDITIONS
    if topic == name:
        lines: Iterable[str] = [said, "", *rest]
    else:
        lines = _part_lines(topic) if topic in _TOP else _kind_lines(topic)
    return "\n".join(line for part in lines for line in _wrapped(part, width))


def overview(width: int) -> str:
    """The topics, each with what it does."""
    summaries = {name: said for name, (said, _) in _TOP.items()}
    summaries |= {_CONDITIONS[0]: _CONDITIONS[1]}
    summaries |= {name: summary_of(source_class(name)) for name in source_formats()}
    summaries |= {name: summary_of(stage_class(name)) for name in stage_names()}
    longest = max(map(len, summaries))
    lines = []
    for name, said in summaries.items():
        lines += textwrap.wrap(f"{name:{longest}}  {said}", width, subsequent_indent=" " * (longest + 2))
    return "\n".join(["dspipe help TOPIC says more, with settings and an example.", "", *lines])


def _part_lines(topic: str) -> Iterator[str]:
    said, table = _TOP[topic]
    yield said
    yield from _example(_EXAMPLES[topic])
    yield from _setting_lines("Settings", shared_tables()[table])


def _kind_lines(topic: str) -> Iterator[str]:
    try:
        kind: type[Stage] | type[Source] = stage_class(topic)  # type: ignore[type-arg]
        own = stage_settings(topic)
        shared = "map" if issubclass(kind.Config, MapConfig) else ""
    except OwnModuleError as error:
        raise UnknownTopicError(str(error)) from None
    except KeyError:
        try:
            kind = source_class(topic)
        except KeyError:
            raise UnknownTopicError(f"no help for {topic!r}; {suggest(topic, topics())}") from None
        own, shared = settings_of(kind.Config, SourceConfig), ""
    summary, *rest = _paragraphs(sys.modules[kind.__module__].__doc__ or "")
    examples = _EXAMPLES.get(topic) or next(
        (_code(part) for part in rest if part.startswith("    ")), [f"- {topic}: {{}}"]
    )
    yield f"{topic}: {summary}"
    yield from _example(examples)
    for paragraph in _paragraphs(inspect.getdoc(kind) or ""):
        yield ""
        yield paragraph
    yield from _setting_lines("Settings", own)
    if shared:
        yield from _setting_lines("As every stage that looks at each document by itself", shared_tables()[shared])
    if issubclass(kind, Source):
        yield ""
        yield "All sources take more: `dspipe help sources`."


def _paragraphs(documented: str) -> list[str]:
    """Paragraphs of a docstring: text in one line, code as it is."""
    parts = inspect.cleandoc(documented).split("\n\n")
    return [part if part.startswith("    ") else " ".join(part.split()) for part in parts]


def _code(part: str) -> list[str]:
    lines = [re.sub(r"\}  +(\S.*)$", r"}  # \1", line) for line in textwrap.dedent(part).split("\n")]
    return [line if line.startswith(("-", " ")) else f"- {line}" for line in lines]


def _example(lines: Sequence[str]) -> Iterator[str]:
    yield ""
    yield from (f"    {line}" for line in lines)


def _setting_lines(title: str, settings: Sequence[Setting]) -> Iterator[str]:
    yield ""
    yield f"{title}:" if settings else "No settings of its own."
    for setting in settings:
        default = setting.default.strip("`")
        given = {"": "", "*required*": ", required", "null": ", not set by default"}.get(
            default, f", default {default}"
        )
        yield f"  {setting.key}: {setting.type.replace('`', '')}{given}"
        yield f"      {setting.description}"


def _wrapped(line: str, width: int) -> list[str]:
    indent = re.match(" *", line)
    blanks = indent[0] if indent else ""
    if len(blanks) == 4:  # an example stays as it is
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=blanks, break_long_words=False, break_on_hyphens=False) or [""]
