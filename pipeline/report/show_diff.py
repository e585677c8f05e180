"""`dspipe diff` in the terminal: where documents go from verdict to verdict, a few of each way last."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.diff.difference import Difference, DiffFlow, DiffSample
from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

_ROWS, _SAMPLED_FLOWS = 20, 6
_TEXT = 160


def print_difference(difference: Difference, console: "Console") -> None:
    """Settings that differ, tables, remarks, samples of the largest flows."""
    a, b = difference.runs
    _say(console, f"a: {a}   b: {b}")
    for key, one, other in difference.settings[:_ROWS]:
        _say(console, f"  {key}: {_set(one)} -> {_set(other)}")
    changed = [flow for flow in difference.flows if flow.changed]
    tables = [_totals(difference)]
    if changed:
        tables += [_flows(changed), _stages(difference), _groups(difference)]
    for table in tables:
        console.print()
        print_table(table, console)
    if not changed:
        _say(console, "Every document has the same verdict in both runs.")
    for remark in difference.remarks:
        console.print(f"[yellow]note:[/] {_escaped(remark)}", highlight=False, soft_wrap=True)
    for flow in changed[:_SAMPLED_FLOWS]:
        _print_samples(f"{flow.a.in_words()} -> {flow.b.in_words()}", flow.samples, console)
    _print_samples("With another text", difference.changed_texts, console)


def _totals(difference: Difference) -> Table:
    table = Table("Documents", ("", "documents", "bytes", "tokens", "copies drawn"), frozenset(range(1, 5)))
    flows = difference.flows
    for name, side, kept in (("a", 0, False), ("a kept", 0, True), ("b", 1, False), ("b kept", 1, True)):
        counts = (difference.kept if kept else difference.documents)[side]
        copies = sum((flow.measures.copies_a, flow.measures.copies_b)[side] for flow in flows)
        table.rows.append((name, *_counts(counts), f"{copies:,}" if kept and copies else ""))
    texts = sum(flow.measures.texts_changed for flow in flows)
    for name, chosen in (
        ("only in a", [flow for flow in flows if flow.b.state == "absent"]),
        ("only in b", [flow for flow in flows if flow.a.state == "absent"]),
        ("another verdict", [flow for flow in flows if flow.changed and "absent" not in (flow.a.state, flow.b.state)]),
    ):
        table.rows.append((name, f"{sum(flow.measures.documents for flow in chosen):,}", "", "", ""))
    table.rows.append(("another text", f"{texts:,}", "", "", ""))
    return table


def _flows(changed: Sequence[DiffFlow]) -> Table:
    table = Table("From a to b", ("in a", "in b", "documents", "bytes", "tokens"), frozenset({2, 3, 4}))
    for flow in changed[:_ROWS]:
        measures = flow.measures
        size = measures.bytes_b if flow.a.state == "absent" else measures.bytes_a
        tokens = max(measures.tokens_a, measures.tokens_b)
        verdicts = flow.a.in_words(), flow.b.in_words()
        table.rows.append((*verdicts, f"{measures.documents:,}", human_bytes(size), f"{tokens:,}"))
    _rest(table, len(changed))
    return table


def _stages(difference: Difference) -> Table:
    table = Table("By stage", ("stage", "dropped in a", "dropped in b", "in both"), frozenset({1, 2, 3}))
    names = dict.fromkeys(
        verdict.stage or "unknown"
        for flow in difference.flows
        for verdict in (flow.a, flow.b)
        if verdict.state == "dropped"
    )
    for name in names:
        by_a = [flow for flow in difference.flows if flow.a.state == "dropped" and (flow.a.stage or "unknown") == name]
        by_b = [flow for flow in difference.flows if flow.b.state == "dropped" and (flow.b.stage or "unknown") == name]
        parts = (by_a, by_b, [flow for flow in by_a if flow in by_b])
        table.rows.append((name, *(f"{sum(flow.measures.documents for flow in part):,}" for part in parts)))
    return table


def _groups(difference: Difference) -> Table:
    columns = ("domain", "language", "kept in both", "only a keeps", "bytes", "only b keeps", "bytes")
    table = Table("By domain and language", columns, frozenset(range(2, 7)))
    groups = [group for group in difference.groups if group.kept_in_a.documents or group.kept_in_b.documents]
    for group in groups[:_ROWS]:
        only_a, only_b = group.kept_in_a, group.kept_in_b
        numbers = (
            f"{group.kept_in_both.documents:,}",
            f"{only_a.documents:,}",
            human_bytes(only_a.bytes_a),
            f"{only_b.documents:,}",
            human_bytes(only_b.bytes_b),
        )
        table.rows.append((group.domain or "unknown", group.language or "unknown", *numbers))
    _rest(table, len(groups))
    return table


def _rest(table: Table, rows: int) -> None:
    if rows > _ROWS:
        table.rows.append((f"and {rows - _ROWS:,} more", *[""] * (len(table.columns) - 1)))


def _print_samples(title: str, samples: Sequence[DiffSample], console: "Console") -> None:
    if samples:
        console.print(f"\n[bold]{_escaped(title)}, for example[/]", highlight=False)
    for sample in samples:
        console.print()
        _say(console, f"{sample.id} {sample.url or ''}".rstrip())
        for held in sample.held:
            _say(console, f"  {held}")
        text = " ".join(sample.text.split())[:_TEXT]
        console.print(f"  {_escaped(text)}", style="dim", highlight=False)


def _counts(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.documents:,}", human_bytes(counts.bytes), f"{counts.tokens:,}"


def _set(value: object) -> str:
    return "not set" if value is None else str(value)


def _say(console: "Console", line: str) -> None:
    console.print(_escaped(line), highlight=False, soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(visible_line(text))
