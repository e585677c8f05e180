"""Pages and texts of made-up words, for small crawls in tests."""

import json
import random
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from tests.stages.sources.test_warc import record, response

SHARES = {"en": 0.7, "zh": 0.3}
_MENU = "".join(f'<li><a href="/{i}">Part {i}</a></li>' for i in range(12))


def sentences(language: str, count: int, seed: int = 3) -> list[str]:
    """Different sentences of words that nobody says."""
    draw = random.Random(f"{seed}{language}")
    if language == "zh":
        return ["".join(chr(draw.randrange(0x4E00, 0x9000)) for _ in range(draw.randint(9, 40))) for _ in range(count)]
    words = ["".join(draw.choices("abcdefghilmnoprstuv", k=draw.randint(2, 9))) for _ in range(3000)]
    return [" ".join(draw.choices(words, k=draw.randint(6, 24))).capitalize() + "." for _ in range(count)]


def page(language: str, number: int) -> bytes:
    """A page with navigation, an article and a foot."""
    said = sentences(language, 30, number)
    article = "\n".join(f"<p>{' '.join(said[i : i + 3])}</p>" for i in range(0, 30, 3))
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>Page {number}</title></head><body>'
        f'<nav class="menu"><ul>{_MENU}</ul></nav><main><article><h1>Page {number}</h1>\n{article}\n'
        f'</article></main><footer class="footer"><p>© 2024 <a href="/imprint">Imprint</a></p></footer></body></html>'
    ).encode()


def write_inputs(directory: Path) -> list[str]:
    """The arguments of `tools.make_crawl` that name the inputs, which are written below `directory`."""
    pages = [(language, number) for number in range(6) for language in SHARES]
    warc = directory / "pages.warc"
    warc.write_bytes(
        b"".join(record("response", response(page(*which)), i, f"http://{i}.example/") for i, which in enumerate(pages))
    )
    texts = directory / "texts.jsonl"
    with texts.open("w", encoding="utf-8") as file:
        for language in SHARES:
            said = sentences(language, 5500)
            file.write(json.dumps({"lang": language, "text": "\n".join(said)}) + "\n")
    return ["--pages", str(warc), "--texts", str(texts), "--languages", "en=0.7,zh=0.3"]


def bodies(files: list[Path]) -> dict[str, bytes]:
    """The body of each response of WARC files by its record's id."""
    found = {}
    for path in files:
        with path.open("rb") as stream:
            for response in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                found[(response.record_id or "").removeprefix("<urn:uuid:").rstrip(">")] = response.reader.read()
    return found
