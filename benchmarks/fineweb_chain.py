"""FineWeb's chain of filters as the recipe has it, document by document beside datatrove's.

    python -m benchmarks.fineweb_chain --input TEXTS.jsonl.gz ... [--json]

The recipe is configs/recipes/fineweb.yaml: its heuristics and what it does to lines in between. datatrove's chain is
that of its examples/fineweb.py behind the language filter: Gopher's repetition, Gopher's quality, C4 without its rule
on terminal punctuation, which rewrites the text, and FineWeb. Texts are taken for English ones. Needs datatrove beside
dspipe. It prints how many documents both keep and drop, the first filter that drops in each, and for documents that
both keep, how many texts came out the same.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import parser, read_texts, report
from benchmarks.filters import batches_of

RECIPE = Path(__file__).parent.parent / "configs" / "recipes" / "fineweb.yaml"
STAGES = ("heuristics", "lines", "heuristics.fineweb")


def ours(texts: Sequence[str]) -> list[tuple[str | None, str]]:
    """Of each text the reason of its drop, and what the stages left of it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from dspipe.pipeline.config.run_config import parse_file

    # stages that need what isn't installed beside datatrove are left out
    stages: list[Any] = [stage for _, _, stage in parse_file(RECIPE).stages if stage.name in STAGES]
    found: list[tuple[str | None, str]] = []
    for batch in batches_of(list(texts)):
        reasons = pa.nulls(batch.num_rows, pa.string())
        for stage in stages:
            batch = stage.measure(batch)
            if stage.judges:
                reasons = pc.coalesce(reasons, stage.judge(batch.select(list(stage.judge_columns()))))
        found += zip(reasons.to_pylist(), batch["text"].to_pylist(), strict=True)
    return found


def theirs(texts: Sequence[str]) -> list[tuple[str | None, str]]:
    """The same by datatrove's filters."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = {
        "gopher_repetition": GopherRepetitionFilter(),
        "gopher": GopherQualityFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
    }
    found: list[tuple[str | None, str]] = []
    for text in texts:
        document, reason = Document(text=text, id=""), None
        for name, judge in filters.items():
            try:
                verdict = judge.filter(document)
            except ZeroDivisionError:
                verdict = False, "empty"
            if verdict is not True:
                reason = f"{name}: {verdict[1] if isinstance(verdict, tuple) else 'dropped'}"
                break
        found.append((reason, document.text))
    return found


def compare(texts: Sequence[str]) -> dict[str, Any]:
    """Counts of verdicts, and the documents that one keeps and the other drops, with the reasons."""
    pairs = list(zip(ours(texts), theirs(texts), strict=True))
    kept = [(mine[1], other[1]) for mine, other in pairs if mine[0] is None and other[0] is None]
    apart = [
        {"document": row, "dspipe": mine[0], "datatrove": other[0]}
        for row, (mine, other) in enumerate(pairs)
        if (mine[0] is None) != (other[0] is None)
    ]
    return {
        "documents": len(pairs),
        "both_keep": len(kept),
        "both_drop": len(pairs) - len(kept) - len(apart),
        "apart": apart,
        "texts_alike": sum(mine.strip() == other.strip() for mine, other in kept),
        "dspipe_drops": dict(Counter(mine[0].partition(".")[0] for mine, _ in pairs if mine[0])),
        "datatrove_drops": dict(Counter(other[0].partition(":")[0] for _, other in pairs if other[0])),
    }


def main() -> None:
    """Compare, and print the counts."""
    options = parser(__doc__.splitlines()[0]).parse_args()
    found = compare(read_texts(options.input, options.mb))
    rows = {"both": {name: value for name, value in found.items() if isinstance(value, int)}}
    columns = ["documents", "both_keep", "both_drop", "texts_alike"]
    report(options, {**rows, **{k: v for k, v in found.items() if not isinstance(v, int)}}, columns, "FineWeb's chain")


if __name__ == "__main__":
    main()
