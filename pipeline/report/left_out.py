"""What a run left out of its inputs, in one line: what `dspipe run` ends with."""

from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import ALARMS, REPEATED_IDS

_KINDS, _NAMES = 8, 3


def left_out_line(run: RunFile, output: str) -> str | None:
    """The kinds of records and files that were left out, the commonest first, and where to look. None: nothing was."""
    text_pass = run.text_pass()
    counters = text_pass.counters if text_pass else {}
    files: dict[str, int] = {}
    for kinds in run.left_out.values():
        for kind, n in kinds.items():
            files[kind] = files.get(kind, 0) + n
    parts = []
    if bad := counters.get("quarantined", 0):
        guessed = counters.get("quarantined by estimate", 0)
        parts.append(f"{bad:,} bad records" + (f" ({guessed:,} of them estimated)" if guessed else ""))
    if skipped := run.skipped():
        parts.append(f"records that are no documents: {_kinds(skipped)}")
    if files:
        parts.append(f"files: {_kinds(files)}")
    losses = text_pass.notes.get(ALARMS, []) if text_pass else []
    parts += _named("files that are not whole", [entry["file"] for entry in losses if entry["records"]])
    parts += _named("files without a document", [entry["file"] for entry in losses if not entry["records"]])
    if not parts:
        return None
    where = f"dspipe stats {output}" + (f", {output}/documents/*.quarantine.jsonl" if bad else "")
    return f"Left out: {'; '.join(parts)}. See {where}" + (", dspipe plan" if files else "")


def _kinds(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{n:,} {kind}" for kind, n in ordered[:_KINDS]]
    return ", ".join(named + ([f"{sum(n for _, n in ordered[_KINDS:]):,} others"] if ordered[_KINDS:] else []))


def _named(what: str, names: list[str]) -> list[str]:
    return [f"{what}: {', '.join(names[:_NAMES])}{', ...' if len(names) > _NAMES else ''}"] if names else []


def repeated_ids_line(run: RunFile) -> str | None:
    """How many documents bear an id that another one bears, too. None: none do."""
    text_pass = run.text_pass()
    found = text_pass.notes.get(REPEATED_IDS) if text_pass else None
    if not found:
        return None
    about = "about " if found["estimated"] else ""
    return (
        f"{about}{found['documents']:,} documents ({found['share']:.1%}) have an id that another one has, too: nothing "
        f"depends on it, and `dspipe explain` shows all that bear one"
    )
