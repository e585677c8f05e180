"""Transformers of a few thousand weights, made here: a classifier of topics that a few steps have taught, others."""

import random
from pathlib import Path
from typing import Any

from benchmarks.recipe_stand_ins import write_word_tokenizer

TOPICS = {
    "science": ["theorem", "proof", "atom", "energy", "cell"],
    "cooking": ["salt", "oven", "butter", "onion", "recipe"],
    "sports": ["goal", "match", "team", "score", "league"],
}
COMMON = ["the", "of", "and"]
TOKENS = 64
"""that a window may have"""


def a_text(topic: str, draw: random.Random, words: int = 30) -> str:
    """Words of a topic among common ones."""
    return " ".join(draw.choices(TOPICS[topic] + COMMON, k=words))


def write_tokenizer(folder: Path) -> int:
    """Whole words of the topics, between [CLS] and [SEP]; the size of the vocabulary."""
    words = [*(word for topic in TOPICS.values() for word in topic), *COMMON]
    return write_word_tokenizer(folder, words, TOKENS)


def write_model(folder: Path, labels: list[str], steps: int = 60, **settings: Any) -> Path:
    """A BERT with these labels, taught topics where they are the labels; with one, a regression of random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    vocabulary = write_tokenizer(folder)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    named = dict(enumerate(labels))
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=TOKENS,
        pad_token_id=0,
        id2label=named,
        label2id={label: number for number, label in named.items()},
        **settings,
    )
    model = BertForSequenceClassification(config)
    if labels == list(TOPICS):
        _teach(model, folder, steps)
    model.save_pretrained(folder)
    return folder


def _teach(model: Any, folder: Path, steps: int) -> None:
    import torch
    from tokenizers import Tokenizer

    tokenizer, draw = Tokenizer.from_file(str(folder / "tokenizer.json")), random.Random(3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(steps):
        topics = draw.choices(range(len(TOPICS)), k=16)
        ids = [tokenizer.encode(a_text(list(TOPICS)[topic], draw)).ids for topic in topics]
        loss = model(input_ids=torch.tensor(ids), labels=torch.tensor(topics)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
