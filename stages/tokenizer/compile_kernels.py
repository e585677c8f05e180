"""The kernels of training and encoding called on little, to compile them."""

import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.stages.tokenizer.given import read_file
from dspipe.tokenizer.counting import WordCounter, thin
from dspipe.tokenizer.encoder import loads
from dspipe.tokenizer.export import make_files
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.train import train


def compile_kernels(path: str | None, settings: TrainSettings | None, special_in_text: bool) -> None:
    """Compile what the phases call, for the tokenizer at `path` or one that is trained with these settings."""
    # long enough for each of the encoder's ways
    texts = pa.array(["a A", " antidisestablishmentarianism" * 2, "深度学习" * 20], pa.large_string())
    if path is not None:
        content = read_file(path).decode("utf-8", "replace")
    elif settings is not None:
        counter = WordCounter(slots=2)
        counter.add_texts(SCHEMES[settings.scheme].pre_tokenizer(), *text_buffers(texts))
        words = counter.words()
        counter.add_words(words)
        thin(words, 1)
        content = make_files(train(words, 260, 1), settings)["tokenizer.json"]
    loads(content, special_in_text).encode(texts)
