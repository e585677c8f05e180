"""What `evaluate` finds, in tables."""

from collections.abc import Sequence
from typing import Any

from dspipe.pipeline.visible_text import visible
from dspipe.stages.quality.commands.answers import number

MOST_GROUPS = 12
"""domains, languages, sources and classes that are shown, those with most documents"""


def print_evaluation(result: dict[str, Any]) -> None:
    """Print what `stages.quality.evaluation.evaluate` gives."""
    from rich.console import Console

    console = Console()
    counts = result["documents"]
    shown = ", ".join(f"{label}: {count:,}" for label, count in list(counts.items())[:MOST_GROUPS])
    console.print(visible(f"documents of {shown}{', ...' if len(counts) > MOST_GROUPS else ''}"), markup=False)
    if result["kind"] == "classes":
        _print_classes(console, result)
        return
    if result["kind"] == "binary":
        console.print(f"area under the ROC curve {number(result['roc_auc'])}, accuracy at 0.5 {result['accuracy']:.4f}")
        _print_thresholds(console, result)
    else:
        console.print(f"mean error {result['mean_error']:.3f} grades, the right grade {result['accuracy']:.1%}, "
                      f"quadratic kappa {number(result['quadratic_kappa'], '.3f')}, area under the ROC curve for the "
                      f"upper half {number(result['roc_auc'])}")  # fmt: skip
    console.print(f"rank correlation with the label {number(result['spearman'], '.3f')}")
    for name, found in result["within"].items():
        if not found["groups"]:
            continue
        console.print(f"within a {name}: area {number(found['roc_auc'])}, rank correlation "
                      f"{number(found['spearman'], '.3f')}")  # fmt: skip
        rows = [(group, f"{row['documents']:,}", f"{row['positive']:.1%}", number(row["roc_auc"]),
                 number(row["spearman"], ".3f")) for group, row in _largest(found["groups"])]  # fmt: skip
        _print_table(console, (name, "documents", "positive", "area", "rank correlation"), rows, len(found["groups"]))
    if len(result["within"]["domain"]["groups"]) > 1:
        console.print(f"the domain's mean label alone: area {number(result['domain_alone'])}")
    if len(result["by_source"]) > 1:
        rows = [(source, f"{row['documents']:,}", f"{row['mean']:.3f}", f"{row['deviation']:.3f}",
                 f"{row['in_one_tenth']:.0%}") for source, row in _largest(result["by_source"])]  # fmt: skip
        names = ("source", "documents", "mean score", "deviation", "within one tenth")
        _print_table(console, names, rows, len(result["by_source"]))
    console.print(f"{result['megabytes_per_second']:.0f} MB/s in one thread")


def _print_classes(console: Any, result: dict[str, Any]) -> None:
    console.print(f"the right label {result['accuracy']:.1%}, macro F1 {result['macro_f1']:.3f}; the commonest label "
                  f"alone {result['commonest_alone']:.1%}")  # fmt: skip
    rows = [(label, f"{row['documents']:,}", number(row["precision"], ".1%"), number(row["recall"], ".1%"),
             number(row["roc_auc"])) for label, row in _largest(result["classes"])]  # fmt: skip
    _print_table(console, ("label", "documents", "precision", "recall", "area"), rows, len(result["classes"]))
    for name, found in result["within"].items():
        right = [(group, f"{row['documents']:,}", f"{row['accuracy']:.1%}") for group, row in _largest(found["groups"])]
        if len(right) > 1:
            _print_table(console, (name, "documents", "right label"), right, len(found["groups"]))
    if len(result["within"]["domain"]["groups"]) > 1:
        console.print(f"the domain's commonest label alone: {result['domain_alone']:.1%}")
    console.print(f"{result['megabytes_per_second']:.0f} MB/s in one thread")


def _print_thresholds(console: Any, result: dict[str, Any]) -> None:
    rows = [(f"{row['drop_lowest']:.0%}", f"{row['threshold']:.4f}", number(row["positive"], ".1%"),
             number(row["negative"], ".1%")) for row in result["quantiles"]]  # fmt: skip
    _print_table(console, ("drop lowest", "threshold", "positive kept", "negative kept"), rows, len(rows))


def _largest(groups: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(groups.items(), key=lambda item: -item[1]["documents"])[:MOST_GROUPS]


def _print_table(console: Any, names: tuple[str, ...], rows: Sequence[tuple[str, ...]], of: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(*names)
    for row in rows:
        table.add_row(*(escape(visible(cell)) for cell in row))
    console.print(table)
    if of > len(rows):
        console.print(f"and {of - len(rows)} more")
