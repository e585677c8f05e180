"""Language identification beside the fasttext package and datatrove, all with lid.176.ftz.

    python -m benchmarks.filters_language --input PAGES.warc.gz TEXTS.jsonl.zst [--sentences LABELLED.jsonl.zst]

`mb_s` counts the bytes of the whole documents. `whole_label_equal` is the share of documents over the prefix whose
label is the one that the fasttext package gives for the whole text; `dspipe (whole text)` reads all of it.
`--sentences` takes lines with `text` and `lang` (ISO 639-1) and adds the accuracy per language.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import (
    Measure,
    Result,
    contest,
    megabytes,
    parser,
    read_documents,
    read_texts,
    report,
    text_batches,
)

# the model knows written Norwegian (Bokmål) by the code of the macrolanguage
ALIASES = {"nb": "no"}


def language_dspipe(measure: Measure, paths: Sequence[str | Path], mb: float = 0, **settings: Any) -> Result:
    """The stage with its defaults; `settings` are its settings."""
    from dspipe.stages.language import LanguageConfig, LanguageStage

    stage = LanguageStage("language", LanguageConfig(**settings))
    texts = read_texts(paths, mb)
    batches = text_batches(texts)
    stage.measure(batches[0])
    answers = measure(lambda: [stage.measure(batch) for batch in batches])
    labels = [label for batch in answers for label in batch.column("language").to_pylist()]
    return {"mb_s": megabytes(texts) / measure.cpu_s, **_agreement(texts, labels, stage.config.prefix_bytes)}


def language_fasttext(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """The fasttext package, one call a document, best label only: its quickest way."""
    model = fasttext_model()
    texts = [text.replace("\n", " ") for text in read_texts(paths, mb)]
    measure(lambda: [model.predict(text) for text in texts])
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def language_datatrove(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """datatrove's LanguageFilter, with the model file that the others use in place of the one it would download."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import LanguageFilter

    # it asks for one packaging of the fasttext module by name; the one installed here serves as well
    LanguageFilter._requires_dependencies = []
    stage = LanguageFilter(languages=["en"])
    stage.model._model = fasttext_model()
    documents = [Document(text=text, id="") for text in read_texts(paths, mb)]
    measure(lambda: [stage.filter(document) for document in documents])
    return {"mb_s": megabytes([document.text for document in documents]) / measure.cpu_s}


def sentences(measure: Measure, paths: Sequence[str | Path]) -> Result:
    """Accuracy per language of the stage with its defaults on labelled sentences, and of the fasttext package."""
    import pyarrow as pa

    from dspipe.stages.language import LanguageConfig, LanguageStage

    stage, model = LanguageStage("language", LanguageConfig()), fasttext_model()
    documents = list(read_documents(paths))
    texts, wanted = (
        [item["text"] for item in documents],
        [ALIASES.get(item["lang"], item["lang"]) for item in documents],
    )
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    ours = measure(lambda: stage.measure(batch)).column("language").to_pylist()
    theirs = [model.predict(text.replace("\n", " "))[0][0].removeprefix("__label__") for text in texts]
    known = {label.removeprefix("__label__") for label in model.get_labels()}
    total = Counter(wanted)
    rows = {}
    for name, labels in ("dspipe", ours), ("fasttext", theirs):
        right = Counter(want for want, label in zip(wanted, labels, strict=True) if want == label)
        rows[name] = {language: right[language] / total[language] for language in sorted(total) if language in known}
    return {"accuracy": rows, "not_in_the_model": sorted(set(total) - known), "sentences": dict(total)}


def fasttext_model() -> Any:
    """lid.176 in the fasttext package."""
    import fasttext

    from dspipe.stages.shared.fasttext_models import find_model

    return fasttext.load_model(str(find_model("lid.176.ftz")))


def _agreement(texts: Sequence[str], labels: Sequence[str | None], longer_than: int) -> Result:
    model, same, count = fasttext_model(), 0, 0
    for text, label in zip(texts, labels, strict=True):
        if len(text.encode()) > longer_than:
            count += 1
            same += f"__label__{label}" == model.predict(text.replace("\n", " "))[0][0]
    return {"whole_label_equal": same / count if count else None, "documents_over_prefix": count}


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__ or "")
    options.add_argument("--sentences", nargs="+", metavar="FILE", help="lines with text and lang, for the accuracy")
    given = options.parse_args()
    here = "benchmarks.filters_language"
    result: Result = {
        "dspipe": contest(f"{here}:language_dspipe", given, mb=given.mb),
        "dspipe (whole text)": contest(f"{here}:language_dspipe", given, mb=given.mb, prefix_bytes=0),
        "fasttext": contest(f"{here}:language_fasttext", given, given.peer_python, mb=given.mb),
        "datatrove": contest(f"{here}:language_datatrove", given, given.peer_python, mb=given.mb),
    }
    peer = result["fasttext"].get("mb_s")
    for row in result.values():
        if peer and "mb_s" in row:
            row["times_fasttext"] = row["mb_s"] / peer
    columns = ["mb_s", "times_fasttext", "whole_label_equal", "documents_over_prefix", "peak_mb"]
    if given.sentences:
        given.input = given.sentences
        labelled = contest(f"{here}:sentences", given)
        if not given.json:
            report(given, result, columns, "language identification")
            accuracy = labelled["accuracy"]
            rows = {
                language: {"dspipe": share, "fasttext": accuracy["fasttext"][language]}
                for language, share in accuracy["dspipe"].items()
            }
            for name in "dspipe", "fasttext":
                rows.setdefault("mean", {})[name] = sum(accuracy[name].values()) / len(accuracy[name])
            absent = {"languages that the model lacks": ", ".join(labelled["not_in_the_model"])}
            report(given, {**rows, **absent}, ["dspipe", "fasttext"], "accuracy on labelled sentences")
            return
        result["sentences"] = labelled
    report(given, result, columns, "language identification")


if __name__ == "__main__":
    main()
