"""Stand-ins for what a recipe names below ${ASSETS} and dspipe can't bring along, for `benchmarks.recipes` and tests.

They are files of the kinds that the recipes ask for and know next to nothing: classifiers of texts to which labels were
dealt out, a network of random weights, language models of pairs of pieces. Their scores differ from page to page, so a
share that a recipe keeps is met, and mean nothing. A file that is there already is left as it is.
"""

import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dspipe.stages.quality.training import train
from dspipe.stages.remix.presets import OLMO3_TOPICS

CLASSIFIERS: Mapping[str, Sequence[str]] = {
    "quality.bin": ["positive", "negative"],
    "dclm-fasttext.bin": ["hq", "cc"],
    "dolma3-quality.bin": ["positive", "negative"],
    "dolma3-topics.bin": list(OLMO3_TOPICS),
}
NETWORKS = ("fineweb-edu-classifier", "mixtral-edu", "nemotron-edu")
TOKENS = 512
"""that a network reads"""
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_WORDS = 2000
_SAMPLED = 400
"""texts that a model is made of"""


def write_assets(folder: Path, texts: Mapping[str, Sequence[str]], lists: Mapping[str, str]) -> None:
    """All that the recipes for crawls name, but seeds of recall. texts: by language, of which models are made; lists:
    what text files hold, by name. Networks are left out where transformers isn't installed, and language models where
    kenlm or sentencepiece isn't."""
    for name, text in lists.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).write_text(text, "utf-8")
    some = [text for sample in texts.values() for text in sample[:_SAMPLED]]
    for seed, (name, labels) in enumerate(CLASSIFIERS.items()):
        if not (folder / name).exists():
            write_classifier(folder / name, labels, some, seed)
    try:
        for seed, name in enumerate(NETWORKS):
            if not (folder / name).exists():
                write_network(folder / name, some, seed)
    except ImportError as error:
        print(f"no networks: {error}")
    try:
        for language, sample in texts.items():
            if not (folder / "ccnet" / f"{language}.arpa.bin").exists():
                write_language_model(folder / "ccnet", language, sample[:_SAMPLED])
    except ImportError as error:
        print(f"no language models: {error}")


def write_classifier(path: Path, labels: Sequence[str], texts: Sequence[str], seed: int = 0) -> None:
    """A fastText classifier whose labels were dealt out to the texts."""
    draw = random.Random(seed)
    dealt = [labels[row % len(labels)] for row in range(len(texts))]
    draw.shuffle(dealt)
    lines = [f"__label__{label} {' '.join(text.split())}\n" for label, text in zip(dealt, texts, strict=True)]
    examples = path.with_suffix(".txt")
    examples.write_text("".join(lines), "utf-8")
    train(examples, path, 1, dim=4, epoch=20, lr=1.0, bucket=1000, wordNgrams=2, minCount=1)


def write_network(folder: Path, texts: Sequence[str], seed: int = 0) -> None:
    """A BERT of random weights that gives one number, over the commonest words of the texts. Raises ImportError."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    common = Counter(word for text in texts for word in text.split()).most_common(_WORDS)
    vocabulary = write_word_tokenizer(folder, [word for word, _ in common], TOKENS)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=TOKENS,
        pad_token_id=0,
        num_labels=1,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)


def write_word_tokenizer(folder: Path, words: Sequence[str], tokens: int) -> int:
    """A tokenizer of whole words, between [CLS] and [SEP], for a network that reads so many tokens; the size of its
    vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    numbers = {word: n for n, word in enumerate([*_SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokens,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(numbers)


def write_language_model(folder: Path, language: str, texts: Sequence[str]) -> None:
    """A SentencePiece model of the texts, and how often pieces and pairs of them are, in KenLM's text format. Raises
    ImportError."""
    import kenlm  # noqa: F401  # what reads the model
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / f"{language}.sp"),
        vocab_size=_WORDS,
        hard_vocab_limit=False,
        character_coverage=0.98,
        max_sentence_length=10_000,
        num_threads=1,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{language}.sp.model"))
    encoded = [["<s>", *pieces.encode(line, out_type=str), "</s>"] for line in lines]
    counts = Counter({"<unk>": 1}) + Counter(piece for line in encoded for piece in line)
    pairs = Counter(pair for line in encoded for pair in itertools.pairwise(line))
    often = {pair: count for pair, count in pairs.items() if count > 2}
    total = counts.total()
    scores = [f"{math.log10(count / total):.5f}\t{piece}\t-0.4" for piece, count in counts.items()]
    of_pairs = [f"{math.log10(0.6 * count / counts[a]):.5f}\t{a} {b}" for (a, b), count in often.items()]
    head = ["\\data\\", f"ngram 1={len(scores)}", f"ngram 2={len(of_pairs)}", ""]
    text = "\n".join([*head, "\\1-grams:", *scores, "", "\\2-grams:", *of_pairs, "", "\\end\\", ""])
    (folder / f"{language}.arpa.bin").write_text(text, "utf-8")
