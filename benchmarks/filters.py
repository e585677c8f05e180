"""Language identification and the quality heuristics, alone and fused, beside datatrove and Dolma.

    python -m benchmarks.filters --input PAGES.warc.gz ... [--dolma-python PYTHON] [--json]

Heuristics: Gopher quality, Gopher repetition, C4 and FineWeb as datatrove has them, here with `like: datatrove`; of
Dolma its Gopher and C4 taggers (benchmarks/filters_dolma.py). datatrove's filters see every document, as ours do: a
chain that stops at the first drop is faster the more it drops.
`agreement` is the share of documents for which the verdict, kept or dropped by any of the four, is the same, of
documents mostly in English, `agreement_...` that of each filter alone. Throughput counts bytes of text per CPU second.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import Measure, Result, contest, megabytes, parser, read_texts, report

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000
# our rule set and the reasons that belong to each of datatrove's filters
FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb")


def heuristics_dspipe(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """The stage: all statistics, then the verdicts."""
    from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage

    stage = HeuristicsStage("heuristics", HeuristicsConfig(like="datatrove"))
    texts = read_texts(paths, mb)
    batches = batches_of(texts)

    def run() -> None:
        for batch in batches:
            stage.judge(stage.measure(batch).select(list(stage.judge_columns())))

    _warm_up(run)
    measure(run)
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def heuristics_datatrove(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """datatrove's four filters one after the other, each on every document."""
    texts = read_texts(paths, mb)
    filters = _datatrove_filters()
    _datatrove_verdicts(filters, texts[:3])
    measure(lambda: _datatrove_verdicts(filters, texts))
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def chain_dspipe(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """Language and heuristics over the same batches, as the engine fuses them."""
    from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage
    from dspipe.stages.language import LanguageConfig, LanguageStage

    language = LanguageStage("language", LanguageConfig())
    heuristics = HeuristicsStage("heuristics", HeuristicsConfig(like="datatrove"))
    texts = read_texts(paths, mb)
    batches = batches_of(texts)

    def run() -> None:
        for batch in batches:
            heuristics.judge(heuristics.measure(language.measure(batch)).select(list(heuristics.judge_columns())))

    _warm_up(run)
    measure(run)
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def agreement(paths: Sequence[str | Path], mb: float = 0) -> Result:
    """Share of documents with the same verdict as datatrove's, for all filters together and for each."""
    import numpy as np

    texts = read_texts(paths, mb)
    theirs = _datatrove_verdicts(_datatrove_filters(), texts)
    ours = np.stack([_verdicts(texts, name) for name in FILTERS], axis=1)
    names = [f"agreement_{name}" for name in FILTERS]
    alone = dict(zip(names, (ours == theirs).mean(axis=0).tolist(), strict=True))
    together = float((ours.any(axis=1) == theirs.any(axis=1)).mean())
    return {"agreement": together, **alone, "documents": len(texts), "dropped": float(theirs.any(1).mean())}


def agreement_contestant(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """`agreement` as a contestant."""
    found: Result = measure(lambda: agreement(paths, mb))
    return found


def _verdicts(texts: list[str], name: str) -> Any:
    """Which documents our rules drop that one of datatrove's filters stands for: bool[documents]."""
    from dspipe.stages.heuristics.gopher import Gopher
    from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage

    quality = [
        rule.threshold for rule in Gopher.RULES if "duplicate" not in rule.threshold and "gram" not in rule.threshold
    ]
    settings: dict[str, Any] = {"rules": [name.split("_")[0]], "like": "datatrove"}
    if name == "gopher_quality":
        settings["gopher"] = {rule.threshold: None for rule in Gopher.RULES if rule.threshold not in quality}
    elif name == "gopher_repetition":
        # datatrove's filter drops a text without characters
        settings["gopher"] = {**dict.fromkeys(quality), "min_words": 1}
    stage = HeuristicsStage("heuristics", HeuristicsConfig(**settings))
    columns = [stage.measure(batch).select(list(stage.judge_columns())) for batch in batches_of(texts)]
    import numpy as np

    return np.concatenate([stage.judge(batch).is_valid().to_numpy(zero_copy_only=False) for batch in columns])


def _datatrove_filters() -> list[Any]:
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    return [GopherQualityFilter(), GopherRepetitionFilter(), C4QualityFilter(), FineWebQualityFilter()]


def _datatrove_verdicts(filters: list[Any], texts: list[str]) -> Any:
    """Which documents each filter drops: bool[documents, filters].

    The C4 filter rewrites the text, so each sees its own copy. A text on which a filter divides by zero, one of white
    space only, counts as dropped.
    """
    import numpy as np
    from datatrove.data import Document

    dropped = np.zeros((len(texts), len(filters)), bool)
    for row, text in enumerate(texts):
        for column, judge in enumerate(filters):
            try:
                dropped[row, column] = judge.filter(Document(text=text, id="")) is not True
            except ZeroDivisionError:
                dropped[row, column] = True
    return dropped


def batches_of(texts: list[str]) -> "list[pa.RecordBatch]":
    """Batches of an English corpus, its language known."""
    import pyarrow as pa

    columns = {"text": pa.array(texts, pa.large_string()), "language": pa.array(["en"] * len(texts), pa.string())}
    whole = pa.record_batch(columns)
    return [whole.slice(start, BATCH) for start in range(0, len(texts), BATCH)]


def _warm_up(run: Any) -> None:
    """Compile and load what is loaded on first use."""
    run()


def main() -> None:
    """Run all contestants and print the table."""
    from dspipe.stages.shared.fasttext_models import find_model

    given = parser(__doc__.splitlines()[0])
    given.add_argument("--dolma-python", default=sys.executable, help="the Python that has Dolma installed")
    options = given.parse_args()
    here, language, dolma = "benchmarks.filters", "benchmarks.filters_language", "benchmarks.filters_dolma"
    ours = {
        "language": contest(f"{language}:language_dspipe", options, mb=options.mb),
        "heuristics": contest(f"{here}:heuristics_dspipe", options, mb=options.mb),
        "chain": contest(f"{here}:chain_dspipe", options, mb=options.mb),
    }
    datatrove = {
        "language": contest(f"{language}:language_datatrove", options, options.peer_python, mb=options.mb),
        "heuristics": contest(f"{here}:heuristics_datatrove", options, options.peer_python, mb=options.mb),
    }
    model = str(find_model("lid.176.ftz"))
    tagged = {
        "language": contest(f"{dolma}:language", options, options.dolma_python, mb=options.mb, model=model),
        "heuristics": contest(f"{dolma}:heuristics", options, options.dolma_python, mb=options.mb),
    }
    same = contest(f"{here}:agreement_contestant", options, mb=options.mb)
    result: Result = {"dspipe": _row(ours)}
    for name, parts in {"datatrove": datatrove, "dolma": tagged}.items():
        result[name] = _row(parts)
        if "absent" not in result[name]:
            # what runs one after the other: the times add up
            result[name]["chain_mb_s"] = 1 / sum(1 / part["mb_s"] for part in parts.values())
            result["ratio" if name == "datatrove" else f"ratio to {name}"] = {
                key: value / result[name][key] for key, value in result["dspipe"].items() if "mb_s" in key
            }
    result |= {key: value for key, value in same.items() if key not in ("cpu_s", "peak_mb")}
    report(options, result, ["language_mb_s", "heuristics_mb_s", "chain_mb_s", "peak_mb"], "Filters, MB per CPU second")


def _row(parts: dict[str, Result]) -> Result:
    absent = [part["absent"] for part in parts.values() if "absent" in part]
    if absent:
        return {"absent": absent[0]}
    row: Result = {f"{name}_mb_s": part["mb_s"] for name, part in parts.items()}
    return row | {"peak_mb": max(part["peak_mb"] for part in parts.values())}


if __name__ == "__main__":
    main()
