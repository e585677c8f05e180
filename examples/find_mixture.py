"""Find the weights of domains by tiny models, on real text, and train on what is proposed.

    python examples/find_mixture.py                    # code, headers, descriptions and licences of installed packages
    python examples/find_mixture.py texts/*.jsonl.zst  # or a domain for each file, of documents with a `text`

Of the first domain there is most, of each next one half as much. Mixtures are drawn, packed, and trained on; a law is
fitted to what the models reach, and the mixture that it proposes is trained on, too, with other documents drawn each
time, beside the natural one. The model is one of pairs of tokens, which takes a second to train. It is measured in bits
a byte on documents of each domain that aren't in the run, all domains alike. `dspipe mixture run` calls this file with
`train` for each mixture.
"""

import argparse
import json
import random
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # for a checkout that isn't installed

from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.remix.mixtures.tables import read_table
from dspipe.stages.shared.json_lines import json_objects

PACKAGES = {
    "code": "numpy/**/*.py",
    "headers": "**/*.h",
    "descriptions": "*.dist-info/METADATA",
    "licences": "*.dist-info/**/*LICEN*",
}
"""domains, and their files below the folder of installed packages"""
PIECE, PIECES = 3000, 10
"""Characters of a document, and documents that are cut from a text: no book is to be a domain of its own."""
HELD_OUT = 60_000
"""characters of each domain that models are measured on"""


def read_texts(files: Sequence[Path]) -> dict[str, Iterator[str]]:
    """Texts by domain."""
    if files:
        return {path.name.split(".")[0]: (item["text"] for _, item in json_objects(path)) for path in files}
    packages = Path(sysconfig.get_path("purelib"))
    found = {name: sorted(path for path in packages.glob(which) if path.is_file()) for name, which in PACKAGES.items()}
    for paths in found.values():
        random.Random(3).shuffle(paths)
    return {name: (path.read_text("utf-8", "replace") for path in paths) for name, paths in found.items()}


def prepare(folder: Path, files: Sequence[Path], characters: int, seed: int) -> Path:
    """Documents, held-out texts and a config."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    draw, held_out = random.Random(seed), dict[str, list[str]]()
    for number, (domain, texts) in enumerate(read_texts(files).items()):
        pieces = [text[at : at + PIECE] for text in texts for at in range(0, min(len(text), PIECE * PIECES), PIECE)]
        draw.shuffle(pieces)
        taken = iter(pieces)
        held_out[domain] = [*take(taken, HELD_OUT)]
        with (folder / "documents" / f"{domain}.jsonl").open("w", encoding="utf-8") as file:
            for text in take(taken, characters / 2**number):
                file.write(json.dumps({"domain": domain, "text": text}) + "\n")
    (folder / "held_out.json").write_text(json.dumps(held_out), "utf-8")
    config = {
        "name": "find-mixture",
        "output": str(folder / "run"),
        "seed": seed,
        "engine": {"kind": "inline", "index": False},
        "sources": [{"name": "texts", "format": "jsonl", "path": str(folder / "documents")}],
        "stages": [
            {"remix": {"by": "domain", "max_epochs": 4}},
            {"tokenizer": {"train": {"vocab": 1500, "special": 3, "sample_bytes": 1_000_000}}},
            {"pack": {"length": 256}},
        ],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def take(pieces: Iterator[str], characters: float) -> Iterator[str]:
    """The next ones, of so many characters together."""
    for piece in pieces:
        yield piece
        characters -= len(piece)
        if characters <= 0:
            return


def train(index: Path, held_out: Path, tokenizer: Path) -> dict[str, float]:
    """Bits a byte of each domain, by a model of pairs of tokens: Witten's and Bell's, who give a token that never
    followed another as much as there are different ones that did."""
    from tokenizers import Tokenizer

    data = PackedDataset(index)
    vocabulary = data.shards.manifest.vocabulary
    pairs = np.zeros((vocabulary, vocabulary), np.float32)
    for row in data:
        tokens, documents = row["tokens"], row["document_ids"]
        together = (documents[1:] == documents[:-1]) & (documents[1:] >= 0)
        np.add.at(pairs, (tokens[:-1][together], tokens[1:][together]), 1)
    single = pairs.sum(axis=0) + 0.1
    single /= single.sum()
    seen, different = pairs.sum(axis=1), (pairs > 0).sum(axis=1) + 1
    encoder, bits = Tokenizer.from_file(str(tokenizer)), {}
    for domain, texts in json.loads(held_out.read_text("utf-8")).items():
        needed = 0.0
        for encoded in encoder.encode_batch(texts):
            before, after = np.array(encoded.ids[:-1]), np.array(encoded.ids[1:])
            likely = (pairs[before, after] + different[before] * single[after]) / (seen + different)[before]
            needed -= float(np.log2(likely).sum())
        bits[domain] = needed / sum(len(text.encode()) for text in texts)
    return bits


def dspipe(*arguments: str, shown: bool = True) -> None:
    """Call the command line."""
    print(f"\ndspipe {' '.join(arguments)}", flush=True)
    output = None if shown else subprocess.DEVNULL
    done = subprocess.run([sys.executable, "-m", "dspipe", *arguments], stdout=output, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def find(
    folder: Path, files: Sequence[Path], characters: int, mixtures: int, tokens: int, draws: int, seed: int
) -> None:
    """The whole way, up to models of the proposed mixture."""
    config, sweep = prepare(folder, files, characters, seed), folder / "mixtures"
    measure = (folder / "held_out.json", folder / "run" / "tokenizer.json")
    own = [sys.executable, str(Path(__file__).resolve()), "train", "{index}", *map(str, measure)]
    dspipe("run", str(config), shown=False)
    drawn = ("-n", str(mixtures), "--output", str(sweep), "--tokens", str(tokens), "--seed", str(seed))
    dspipe("mixture", "sample", str(config), *drawn)
    dspipe("mixture", "run", str(sweep), "--command", " ".join(own))
    tables, weights = (str(sweep / "ratios.csv"), str(sweep / "metrics.csv")), folder / "weights.yaml"
    dspipe("mixture", "fit", *tables, "--config", str(config), "--budget", str(tokens), "--output", str(weights))
    natural = yaml.safe_load((sweep / "mix-000.yaml").read_text("utf-8"))
    proposed = {**natural, "stages": [{"remix": yaml.safe_load(weights.read_text("utf-8"))}, *natural["stages"][1:]]}
    compare(folder, {"natural": natural, "proposed": proposed}, measure, [seed + 100 * n for n in range(1, draws + 1)])


def compare(
    folder: Path, configs: dict[str, dict[str, object]], measure: tuple[Path, Path], seeds: Sequence[int]
) -> None:
    """Train on mixtures, whose documents are drawn by each of the seeds, and print and write what the models reach."""
    tried = read_table(folder / "mixtures" / "metrics.csv").values.mean(axis=1)
    said = {"median of those drawn": float(np.median(tried)), "best of those drawn": float(tried.min())}
    for name, config in configs.items():
        reached = []
        for seed in seeds:
            path = folder / f"{name}.yaml"
            path.write_text(yaml.safe_dump({**config, "seed": seed}, sort_keys=False), "utf-8")
            dspipe("run", str(path), shown=False)
            reached.append([*train(folder / "run" / "index.json", *measure).values()])
        said[name] = float(np.mean(reached))
        if len(seeds) > 1:
            said[f"{name}, largest difference between draws"] = float(np.ptp(np.mean(reached, axis=1)))
    (folder / "compared.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    print("\nbits a byte, mean of the domains")
    for name, bits in said.items():
        print(f"{bits:8.4f}  {name}")


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["train"]:
        print(json.dumps(train(*(Path(argument) for argument in sys.argv[2:5]))))
        return
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("files", type=Path, nargs="*", help="JSON lines, a domain each [installed packages]")
    options.add_argument("--folder", type=Path, default=Path("runs/find-mixture"))
    options.add_argument("--characters", type=int, default=1_500_000, help="of the first domain")
    options.add_argument("--mixtures", type=int, default=32)
    options.add_argument("--tokens", type=int, default=250_000, help="of each mixture")
    options.add_argument("--draws", type=int, default=3, help="of the mixtures that are compared at the end")
    options.add_argument("--seed", type=int, default=1)
    find(**vars(options.parse_args()))


if __name__ == "__main__":
    main()
