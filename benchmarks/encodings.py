"""Pages in old encodings, declared in different ways: the share that is decoded exactly.

    python -m benchmarks.encodings --input langid-sentences.jsonl.zst pud-parallel-8lang.jsonl.zst [--warc W.warc.gz]

The sentences (`text`, `lang`; every second one, as the others made stages/sources/reading/letters.json) are wrapped as
HTML pages and encoded; with `--warc`, real pages whose language is known are encoded too, with their declarations cut
out and letters that the encoding lacks as references. Each page is declared in the header, in `<meta>`, nowhere, and
wrongly as UTF-8 and as ISO-8859-1. `--write-letters` makes the letters' file instead.
"""

import codecs
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.common import bare_parser, read_documents

LANGUAGES = {
    "gb18030": "zh",
    "gbk": "zh",
    "big5": "zh-Hant",
    "shift_jis": "ja",
    "euc-jp": "ja",
    "iso-2022-jp": "ja",
    "euc-kr": "ko",
    "iso-8859-1": "fr de es pt it sv da nb fi nl is ca",
    "iso-8859-2": "pl cs sk hu sl hr ro",
    "iso-8859-5": "ru bg sr mk be",
    "iso-8859-7": "el",
    "iso-8859-9": "tr",
    "windows-1250": "pl cs sk hu sl hr ro",
    "windows-1251": "ru uk bg sr mk be",
    "windows-1252": "fr de es pt it sv da nb fi nl is ca",
    "windows-1253": "el",
    "windows-1254": "tr",
    "windows-1255": "he",
    "windows-1256": "ar fa ur",
    "windows-1257": "lt lv et",
    "windows-1258": "vi",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "windows-874": "th",
    **dict.fromkeys(("utf-16-le", "utf-16-be", "utf-16 with mark", "utf-32"), "de ru zh ja ko"),
}
"""The languages that are written in each encoding."""
WAYS = ("header", "meta", "nowhere", "as utf-8", "as iso-8859-1")
# what browsers read for the names, and a mark
_CODECS = {"windows-874": "cp874", "shift_jis": "cp932", "euc-kr": "cp949", "utf-16 with mark": "utf-16"}
_META = re.compile(r"<\?xml[^>]*>|<meta[^>]*charset[^>]*>", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html[^>]*\slang\s*=\s*[\"']?([a-z]+)", re.IGNORECASE)
_CONTROL = re.compile("[\x80-\x9f]")
_HAN, _FEWEST = 1200, 3


def sentences(paths: Sequence[str], odd: bool) -> dict[str, list[str]]:
    """Every second sentence by language. Chinese with signs of the traditional script alone is `zh-Hant`."""
    found: dict[str, list[str]] = defaultdict(list)
    for i, document in enumerate(read_documents(paths)):
        if i % 2 == odd and "lang" in document and not _CONTROL.search(document["text"]):
            language, text = document["lang"], document["text"]
            found["zh-Hant" if language == "zh" and not _fits(text, "gb2312") else language].append(text)
    return found


def made_pages(by_language: dict[str, list[str]], count: int, long: int = 12) -> Iterator[tuple[str, str, str]]:
    """Encoding, language and text of pages of `long` sentences."""
    rng = random.Random(1)
    for encoding, languages in LANGUAGES.items():
        for language in languages.split():
            fitting = [text for text in by_language.get(language, ()) if _fits(text, encoding)]
            for _ in range(count if fitting else 0):
                body = "".join(f"<p>{_escaped(text)}</p>\n" for text in rng.choices(fitting, k=long))
                yield encoding, language, f"<html><head>\n<title>News</title></head><body>\n{body}</body></html>\n"


def real_pages(path: str) -> Iterator[tuple[str, str, str]]:
    """Encoding, language and text of the pages of an archive, in each of the encodings that their language has."""
    from benchmarks.extract import pages
    from dspipe.stages.extract.stage import decode_page

    for _, payload, media_type in pages([path], 0):
        text = _META.sub("", decode_page(payload, media_type))
        language = (_LANGUAGE.search(text) or [""])[0]
        language = language[-2:].lower() or ("zh" if "zh" in Path(path).name else "")
        for encoding, languages in LANGUAGES.items():
            if language in languages.split():
                yield encoding, language, text


def declared_pages(encoding: str, text: str) -> Iterator[tuple[str, str, bytes, str | None]]:
    """The way it is declared, the page's true text, its bytes, and the encoding in the header, of each way."""
    name = encoding.removesuffix(" with mark")
    for way in WAYS:
        meta = {"meta": name, "as utf-8": "utf-8", "as iso-8859-1": "iso-8859-1"}.get(way)
        page = re.sub("(<head[^>]*>)", rf"\1<meta charset={meta}>", text, count=1) if meta else text
        data = _encoded(page, encoding)
        yield way, data.decode(_CODECS.get(encoding, encoding)), data, name if way == "header" else None


def shares(pages: Iterator[tuple[str, str, str]]) -> tuple[dict[str, dict[str, float]], dict[tuple[str, ...], int]]:
    """Share of pages decoded exactly by encoding and way, and how often which language was not by way."""
    from dspipe.stages.sources.reading.batches import clean_text
    from dspipe.stages.sources.reading.charset import decode

    right: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    wrong: Counter[tuple[str, ...]] = Counter()
    for encoding, language, text in pages:
        total[encoding] += 1
        for way, true, data, declared in declared_pages(encoding, text):
            exact = decode(data, declared, html=True) == clean_text(true)
            right[encoding][way] += exact
            wrong[encoding, language, way] += not exact
    by_encoding = {name: {way: right[name][way] / total[name] for way in WAYS} for name in total}
    return by_encoding, {key: count for key, count in wrong.most_common() if count}


def letters(by_language: dict[str, list[str]]) -> dict[str, dict[str, int]]:
    """How often each character beyond ASCII stands in the sentences of each language of LANGUAGES, small letters for
    all, those that stand fewer than three times left out; of characters of Chinese, the 1,200 most frequent."""
    found = {}
    for language in sorted({name for names in LANGUAGES.values() for name in names.split()}):
        text = "".join(by_language.get(language, ())).lower()
        if language == "ro":
            text = text.replace("ș", "ş").replace("ț", "ţ")  # as the old encodings have them
        if language == "vi":
            text = _encoded(text, "windows-1258").decode("windows-1258")
        counts = Counter(character for character in text if ord(character) > 127)
        found[language] = {c: n for c, n in counts.most_common(_HAN) if n >= _FEWEST or len(counts) > _HAN}
    return found


def _fits(text: str, encoding: str) -> bool:
    try:
        _encoded(text, encoding, "strict")
    except UnicodeEncodeError:
        return False
    return True


def _encoded(text: str, encoding: str, errors: str = "xmlcharrefreplace") -> bytes:
    """The text in an encoding; where that has marks apart from letters (Vietnamese), with those apart."""
    import unicodedata

    if encoding == "windows-1258":
        apart = "".join(unicodedata.normalize("NFD", c) if not _fits(c, "cp1258") else c for c in text)
        text = re.sub("[aAeEoOuU][\u0300-\u0323]?[\u0302\u0306\u031b]", lambda m: _joined(m[0]), apart)
    return codecs.encode(text, _CODECS.get(encoding, encoding), errors)


def _joined(marked: str) -> str:
    import unicodedata

    letter, tone, shape = marked[0], marked[1:-1], marked[-1]
    return unicodedata.normalize("NFC", letter + shape) + tone


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def main() -> None:
    """Print the shares, of made and of real pages."""
    options = bare_parser(__doc__.splitlines()[0])
    options.add_argument("--input", nargs="+", required=True, metavar="FILE", help="sentences with `text` and `lang`")
    options.add_argument("--warc", nargs="*", default=[], metavar="FILE", help="real pages too")
    options.add_argument("--pages", type=int, default=10, help="pages made for each encoding and language")
    options.add_argument("--sentences", type=int, default=12, help="sentences of a made page")
    options.add_argument("--write-letters", metavar="FILE", help="write the frequencies of letters instead")
    given = options.parse_args()
    if given.write_letters:
        table = letters(sentences(given.input, False))
        Path(given.write_letters).write_text(
            json.dumps(table, ensure_ascii=False, separators=(",", ":")).replace("},", "},\n") + "\n", encoding="utf-8"
        )
        return
    made = made_pages(sentences(given.input, True), given.pages, given.sentences)
    found = {"made": made, **{Path(path).name: real_pages(path) for path in given.warc}}
    results = {name: shares(pages) for name, pages in found.items()}
    if given.json:
        print(json.dumps({name: by_encoding for name, (by_encoding, _) in results.items()}))
        return
    for name, (by_encoding, wrong) in results.items():
        print(f"{name:18}", *(f"{way:>14}" for way in WAYS))
        for encoding, row in by_encoding.items():
            print(f"{encoding:18}", *(f"{row[way]:14.1%}" for way in WAYS))
        print("wrong most often:", "; ".join(f"{' '.join(key)} {n}" for key, n in list(wrong.items())[:12]), "\n")


if __name__ == "__main__":
    main()
