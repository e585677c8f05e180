"""Find the weights of four domains by 24 tiny models: draw mixtures, run them, train on each, fit, and propose.

    python examples/find_mixture.py

The documents are generated: each domain has words of its own, and shares some with others. The model is one of
pairs of tokens, trained on a mixture's packed rows, and measured in bits a token on documents of two subjects, one of
which is rare in what there is. `dspipe mixture run` calls this file with `train` for each mixture.
"""

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # for a checkout that isn't installed

from dspipe.stages.pack.reading.reader import PackedDataset

SHARES = {"web": 0.70, "news": 0.20, "code": 0.07, "math": 0.03}
"""of the documents"""
TARGETS = {"math": {"math": 0.7, "web": 0.3}, "code": {"code": 0.6, "news": 0.4}}
"""what is measured: documents of words that are drawn from several domains"""
WORDS = 60
"""that a domain has"""


def write_words(domain: str, count: int, draw: random.Random) -> str:
    """A text in which each word says what the next is likely to be."""
    words = [f"{domain[0]}{number}" for number in range(WORDS)]
    at, text = draw.randrange(WORDS), []
    for _ in range(count):
        at = (at * 7 + draw.choice((1, 2, 3, 5))) % WORDS if draw.random() < 0.85 else draw.randrange(WORDS)
        text.append(words[at])
    return " ".join(text)


def prepare(folder: Path, documents: int) -> Path:
    """Documents, held-out texts and a config."""
    draw = random.Random(11)
    names = draw.choices([*SHARES], weights=[*SHARES.values()], k=documents)
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    with (folder / "documents" / "made.jsonl").open("w") as file:
        for number, name in enumerate(names):
            text = write_words(name, draw.randint(20, 60), draw)
            file.write(json.dumps({"id": str(number), "domain": name, "text": text}) + "\n")
    held_out = {
        target: [write_words(draw.choices([*mix], weights=[*mix.values()])[0], 60, draw) for _ in range(60)]
        for target, mix in TARGETS.items()
    }
    (folder / "held_out.json").write_text(json.dumps(held_out))
    config = {
        "name": "find-mixture",
        "output": str(folder / "run"),
        "seed": 17,
        "engine": {"kind": "inline", "index": False},
        "sources": [{"name": "made", "format": "jsonl", "path": str(folder / "documents")}],
        "stages": [
            {"remix": {"by": "domain", "max_epochs": 4}},
            {"tokenizer": {"train": {"vocab": 600, "special": 3, "sample_bytes": 1_000_000}}},
            {"pack": {"length": 64}},
        ],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def train(index: Path, held_out: Path, tokenizer: Path) -> dict[str, float]:
    """Bits a token of each target, by a model of pairs of tokens: counts, smoothed by those of single tokens."""
    from tokenizers import Tokenizer

    data = PackedDataset(index)
    vocabulary = data.shards.manifest.vocabulary
    pairs = np.zeros((vocabulary, vocabulary), np.float32)
    for row in data:
        tokens, documents = row["tokens"], row["document_ids"]
        together = (documents[1:] == documents[:-1]) & (documents[1:] >= 0)
        np.add.at(pairs, (tokens[:-1][together], tokens[1:][together]), 1)
    single = pairs.sum(axis=0) + 0.5
    single /= single.sum()
    encoder, bits = Tokenizer.from_file(str(tokenizer)), {}
    for target, texts in json.loads(held_out.read_text()).items():
        counted = Counter[tuple[int, int]]()
        for text in texts:
            ids = encoder.encode(text).ids
            counted.update(pairwise(ids))
        before, after = np.array([*counted]).T
        likely = (pairs[before, after] + 4 * single[after]) / (pairs[before].sum(axis=1) + 4)
        weights = np.array([*counted.values()])
        bits[target] = float(-(np.log2(likely) * weights).sum() / weights.sum())
    return bits


def dspipe(*arguments: str) -> None:
    """Call the command line."""
    done = subprocess.run([sys.executable, "-m", "dspipe", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def find(folder: Path, documents: int, mixtures: int, tokens: int) -> None:
    """The whole way. The proposed mixture is then run and measured, too."""
    config, sweep = prepare(folder, documents), folder / "mixtures"
    own = [sys.executable, str(Path(__file__).resolve()), "train", "{index}", str(folder / "held_out.json")]
    command = " ".join([*own, str(folder / "run" / "tokenizer.json")])
    dspipe("run", str(config))
    # mixtures without a domain at all lose so much that they would be all that the law is fitted to
    drawn = ("-n", str(mixtures), "--output", str(sweep), "--tokens", str(tokens), "--concentration", "3..30")
    dspipe("mixture", "sample", str(config), *drawn)
    dspipe("mixture", "run", str(sweep), "--command", command)
    tables, weights = (str(sweep / "ratios.csv"), str(sweep / "metrics.csv")), folder / "weights.yaml"
    dspipe("mixture", "fit", *tables, "--config", str(config), "--budget", str(tokens), "--output", str(weights))
    proposed = yaml.safe_load(weights.read_text())
    values = yaml.safe_load((sweep / "mix-000.yaml").read_text())
    values["stages"][0]["remix"] |= proposed
    (folder / "proposed.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    dspipe("run", str(folder / "proposed.yaml"))
    measured = train(folder / "run" / "index.json", folder / "held_out.json", folder / "run" / "tokenizer.json")
    natural = (sweep / "metrics.csv").read_text().splitlines()[1]
    print(f"natural: {natural}")
    print(f"proposed: {sum(measured.values()) / len(measured):.4f} bits a token measured, {json.dumps(measured)}")


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, default=Path("runs/find-mixture"))
    options.add_argument("--documents", type=int, default=4000)
    options.add_argument("--mixtures", type=int, default=24)
    options.add_argument("--tokens", type=int, default=30_000, help="of each mixture")
    if sys.argv[1:2] == ["train"]:
        print(json.dumps(train(*(Path(argument) for argument in sys.argv[2:5]))))
        return
    chosen = options.parse_args()
    find(chosen.folder, chosen.documents, chosen.mixtures, chosen.tokens)


if __name__ == "__main__":
    main()
