"""Small runs that the packing tests share: documents whose tokens are their bytes."""

import json
import random
from pathlib import Path
from typing import Any

DOMAINS = ("web", "books", "code")
END, BEGIN, PAD = 257, 256, 258


def make_documents(count: int = 120, longest: int = 90, seed: int = 5) -> list[dict[str, str]]:
    """Documents of three domains with lengths from 0 to `longest` characters; the last is far longer than a row."""
    draw = random.Random(seed)
    documents = [
        {
            "id": f"doc-{number}",
            "domain": DOMAINS[number % 5 % 3],
            "text": "".join(draw.choices("abcdefgh ", k=draw.randint(0, longest))),
        }
        for number in range(count)
    ]
    documents[-1]["text"] = "long " * 100
    return documents


def make_config(folder: Path, documents: list[dict[str, str]], files: int = 3, **stages: Any) -> dict[str, Any]:
    """A config over these documents in some files, with the toy tokenizer between `remix` and `pack`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        lines = [json.dumps(document) for document in documents[number::files]]
        (folder / f"part-{number}.jsonl").write_text("\n".join(lines) + "\n")
    listed = [{"tests.toys.tokenizer": {"wide": stages.pop("wide", False)}}]
    if "remix" in stages:
        listed.insert(0, {"remix": stages.pop("remix")})
    return {
        "output": str(folder / "run"),
        "sources": [{"name": "made", "format": "jsonl", "path": str(folder / "*.jsonl")}],
        "stages": [*listed, {"pack": stages}],
    }
