"""Small tokenizers for tests."""

import json
from typing import Any

import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.tokenizer.counting import WordCounter, WordCounts
from dspipe.tokenizer.export import make_files
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.train import train

TEXTS = [
    "The quick brown fox jumps over the lazy dog; the dog doesn't care, and the fox jumps again.",
    "Die Änderung der Verordnung über die Änderung der Gewährung wird geändert. Die Größe bleibt größer.",
    "深度学习是机器学习的一个分支，机器学习是人工智能的分支。二〇二四年，深度学习的模型越来越大。",
    "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x) * 2\n",
    "Это не просто текст, это просто не текст. 한국어 문장입니다. 한국어는 재미있습니다.",
    "हिन्दी में लिखा हुआ पाठ हिन्दी में है। “Quoted”, he said — “twice” 😀😀 123 4567",
] * 3


def count(texts: list[str], scheme: str = "deepseek") -> WordCounts:
    """The pieces of the texts."""
    counter = WordCounter()
    counter.add_texts(SCHEMES[scheme].pre_tokenizer(), *text_buffers(pa.array(texts, pa.large_string())))
    return counter.words()


def files(vocab: int = 500, texts: list[str] = TEXTS, **settings: Any) -> dict[str, str]:
    """The files of a tokenizer trained on the texts."""
    chosen = TrainSettings.model_validate({"vocab": vocab, **settings})
    return make_files(train(count(texts, chosen.scheme), chosen.vocab, chosen.min_count), chosen)


def config(vocab: int = 500, **settings: Any) -> dict[str, Any]:
    """A tokenizer.json as JSON values."""
    parsed: dict[str, Any] = json.loads(files(vocab, **settings)["tokenizer.json"])
    return parsed
