"""Dolma's taggers as contestants of `benchmarks.filters`.

Dolma 1.2 wants older versions of several packages than others here (s3fs, tokenizers, NumPy 1 for its fasttext), so it
lives in an environment of its own: `--dolma-python` names its Python, where `pip install dolma "boto3<1.29"` was run
(without the second, pip tries hundreds of versions of boto3), and `fastwarc resiliparse` for input in WARC files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, read_texts


def heuristics(measure: Measure, paths: Sequence[str | Path], mb: float = 0) -> Result:
    """Its taggers gopher_v2 and c4_v2, the newest of both: attributes without verdicts, and nothing of FineWeb."""
    from dolma.taggers.c4 import FasterC4Tagger
    from dolma.taggers.gopher import GopherTaggerV2

    return _throughput(measure, [GopherTaggerV2(), FasterC4Tagger()], read_texts(paths, mb))


def language(measure: Measure, paths: Sequence[str | Path], model: str, mb: float = 0) -> Result:
    """Its tagger ft_lang_id_en_doc_v2, with the model file that the others use in place of the one it downloads."""
    from dolma.taggers.language import FastTextEnglishLanguageDocumentTagger

    FastTextEnglishLanguageDocumentTagger.MODEL_PATH = model
    return _throughput(measure, [FastTextEnglishLanguageDocumentTagger()], read_texts(paths, mb))


def _throughput(measure: Measure, taggers: list[Any], texts: list[str]) -> Result:
    from dolma.core.data_types import Document

    documents = [Document(source="input", id=str(number), text=text) for number, text in enumerate(texts)]
    for tagger in taggers:
        tagger.predict(documents[0])
    measure(lambda: [tagger.predict(document) for document in documents for tagger in taggers])
    return {"mb_s": sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6 / measure.cpu_s}
