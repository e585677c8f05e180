"""A topic model without a labeller: what a text is from is its label. Then a run is labelled with it.

    python -m examples.topics texts/*.jsonl.zst --output topics

Each file is a topic, named like the file; `source` is its documents' group. The model's figures say how well it tells
these files apart, on documents that it wasn't trained on: not how well it knows a topic on pages of other sources.
"""

import argparse
import json
from pathlib import Path

from dspipe import run
from dspipe.stages.quality.documents import Limits, split_documents
from dspipe.stages.quality.evaluation import evaluate, find_warnings
from dspipe.stages.quality.fit import fit
from dspipe.stages.quality.labelled import SUFFIXES, FilesByLabel
from dspipe.stages.quality.search import Given

QUICK = Given(learning_rate=0.5, epochs=5, dim=16, buckets=50_000, word_ngrams=2, subwords=True, min_count=5)
"""no settings are tried; character n-grams, because Chinese has no blanks between words"""


def train_topics(files: list[Path], folder: Path) -> dict[str, object]:
    """Write `topics.bin` and return what `dspipe classifier evaluate` would of the held-out documents."""
    folder.mkdir(parents=True, exist_ok=True)
    reading = FilesByLabel({topic_of(path): [path] for path in files})
    split = split_documents(reading, None, 0.1, folder, Limits(balanced=True))
    fit(split, QUICK, folder / "topics.bin")
    held_out = [document for documents in split.held_out.values() for document in documents]
    return evaluate(folder / "topics.bin", held_out)


def label_run(files: list[Path], folder: Path) -> Path:
    """Label the documents of a run; `remix: {by: topic}` and conditions can read the column."""
    config = {
        "name": "topics",
        "output": str(folder / "run"),
        "sources": [{"name": "texts", "format": "jsonl", "path": [str(path) for path in files]}],
        "stages": [{"label": {"name": "topic", "model": str(folder / "topics.bin"), "at_least": 0.5}}, "exact_dedup"],
    }
    path = folder / "topics.yaml"
    path.write_text(json.dumps(config, indent=2) + "\n")  # JSON is YAML
    run(path)
    return folder / "run"


def topic_of(path: Path) -> str:
    """The file's name without what says its format."""
    return path.name.removesuffix(next(suffix for suffix in SUFFIXES if path.name.endswith(suffix)))


def main() -> None:
    """Train, say how good the model is, label a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help=f"texts of one topic each ({', '.join(SUFFIXES)})")
    parser.add_argument("--output", type=Path, required=True, help="folder for the model and the run")
    given = parser.parse_args()
    result = train_topics(given.files, given.output)
    print(json.dumps(result, indent=1))
    for warning in find_warnings(result):
        print(f"warning: {warning}")
    folder = label_run(given.files, given.output)
    print(f"labelled: dspipe sample {folder} --by topic,topic.score:3 -n 2")


if __name__ == "__main__":
    main()
