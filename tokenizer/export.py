"""The files that `tokenizers`, `transformers` and others read a tokenizer from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dspipe.tokenizer.byte_alphabet import to_text
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.special_tokens import make_chat_template
from dspipe.tokenizer.train import Trained, TrainingError

FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")


def make_files(trained: Trained, settings: TrainSettings) -> dict[str, str]:
    """The content of each of FILES.

    Special tokens follow the last token of the vocabulary: from settings.vocab on, unless the text had fewer merges,
    since Hugging Face numbers added tokens without gaps. Raises TrainingError when one is also a token.
    """
    tokens, special = trained.tokens(), settings.special_tokens
    vocab = {to_text(token): number for number, token in enumerate(tokens)}
    same = [name for name in special if name in vocab]
    if same:
        raise TrainingError(f"special tokens that collide with tokens of the vocabulary: {', '.join(same)}")
    added = [
        {
            "id": len(tokens) + number,
            "content": name,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, name in enumerate(special)
    ]
    merges = [f"{to_text(tokens[left])} {to_text(tokens[right])}" for left, right in trained.merges.tolist()]
    return dict(
        zip(
            FILES,
            map(
                _json,
                (
                    _tokenizer(vocab, merges, added, settings.scheme),
                    _tokenizer_config(added, settings),
                    _special_tokens_map(special),
                    _model_config(len(tokens), settings),
                ),
            ),
            strict=True,
        )
    )


def write_files(files: dict[str, str], folder: str | Path) -> None:
    """Write the files into a folder, which is made if it isn't there."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (Path(folder) / name).write_text(content, "utf-8")


def _tokenizer(vocab: dict[str, int], merges: list[str], added: list[dict[str, Any]], scheme: str) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": SCHEMES[scheme].hugging_face,
        "post_processor": byte_level | {"trim_offsets": False},
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }


def _tokenizer_config(added: list[dict[str, Any]], settings: TrainSettings) -> dict[str, Any]:
    special = settings.special_tokens
    decoder = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in added}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **_special_tokens_map(special),
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": settings.model_max_length,
        "added_tokens_decoder": decoder,
    }
    template = make_chat_template(special)
    return config | ({"chat_template": template} if template else {})


def _special_tokens_map(special: Sequence[str]) -> dict[str, Any]:
    names = {"bos_token": special[0], "eos_token": special[1], "pad_token": special[2]}
    return names | {"additional_special_tokens": list(special[3:])}


def _model_config(first: int, settings: TrainSettings) -> dict[str, Any]:
    ids = {"bos_token_id": first, "eos_token_id": first + 1, "pad_token_id": first + 2}
    return {"vocab_size": settings.padded_size, **ids}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
