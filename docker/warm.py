"""Compile the kernels by using them: a run of every stage that needs no files over a few documents made here.

Leaves nothing but what NUMBA_CACHE_DIR keeps, and says how long it took.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dspipe

WORDS = "The heron stood at the edge of the pond, and nobody who passed had any idea why it was there all day."


def main() -> None:
    """Run them in this process, which then has compiled whatever they use."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dspipe-warm-") as folder:
        write_documents(Path(folder) / "in.jsonl")
        for mode, stage in (("split", {"remix": {"by": "domain"}}), ("best_fit", {"repeated_spans": {}})):
            dspipe.run({**config(Path(folder)), "stages": stages(stage, mode), "output": f"{folder}/{mode}"})
    print(f"kernels compiled in {time.monotonic() - begun:.0f} s", file=sys.stderr)


def write_documents(path: Path) -> None:
    """Some that are alike, some in other scripts."""
    texts = [f"{WORDS} {' '.join(WORDS.split()[n % 7 :])} {n}\n- a line\n\n{WORDS}" for n in range(60)]
    texts += [*texts[:9], "数据处理。" * 30, "Данные и ещё данные. " * 20, "mail a@b.example or +49 30 1234567 " * 9]
    path.write_text(
        "".join(json.dumps({"text": text, "url": f"http://a.example/{n % 5}"}) + "\n" for n, text in enumerate(texts))
    )


def stages(one: dict[str, Any], mode: str) -> list[dict[str, Any]]:
    """Most stages that need no files of the user's, and `one` more; pack in this mode."""
    train = {"vocab": 400, "special": 15, "pad_to": 512, "sample_bytes": 1_000_000}
    return [
        *({name: {}} for name in ("unicode", "lines", "pii", "host_lines", "repeated_lines")),
        # they would drop these, and leave nothing for the kernels behind them
        *({name: {"domains": ["none of these"]}} for name in ("language", "heuristics")),
        {"exact_dedup": {}},
        {"minhash": {}},
        one,
        {"tokenizer": {"train": train}},
        {"pack": {"length": 128, "mode": mode}},
    ]


def config(folder: Path) -> dict[str, Any]:
    """Without its stages and output."""
    source = {"name": "made", "format": "jsonl", "path": str(folder / "in.jsonl")}
    return {"name": "warm", "engine": {"kind": "inline", "max_quarantined": 0}, "sources": [source]}


if __name__ == "__main__":
    main()
