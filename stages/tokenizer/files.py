"""The artifacts that a tokenizer is, and the names of their files."""

from collections.abc import Mapping

SIDE_FILES: Mapping[str, str] = {
    "tokenizer_config": "tokenizer_config.json",
    "special_tokens_map": "special_tokens_map.json",
}
"""Artifacts beside the artifact `tokenizer`, and their files' names beside a tokenizer.json."""
FILES: Mapping[str, str] = {
    "tokenizer": "tokenizer.json",
    **SIDE_FILES,
    "tokenizer_model_config": "config.json",
}
"""All artifacts, and the names of their contents as tokenizer.export writes them; the last has the padded size."""
