"""A folder with a transformer that judges texts, as `save_pretrained` leaves it, looked at without loading it.

    config.json                            which network it is, and its labels
    model.safetensors                      its weights, or several files named by model.safetensors.index.json
    tokenizer.json                         what cuts texts into tokens
    tokenizer_config.json                  how many tokens it was made for

Weights are read from safetensors alone: `pytorch_model.bin` is a pickle, and loading one runs whatever code is in it.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspipe.pipeline.environment import unknown_variable
from dspipe.pipeline.errors import ConfigError

_INDEX = "model.safetensors.index.json"
_SANE_TOKENS = 1 << 20
"""tokenizers say 1e30 where nobody has said how much they take"""
_LARGEST_HEADER = 100 << 20
"""of a safetensors file, as its format has it"""


@dataclass(frozen=True)
class ModelFolder:
    """What is known of a model before it is loaded."""

    path: Path
    config: Mapping[str, Any]
    """of config.json"""
    weights: tuple[Path, ...]
    most_tokens: int | None
    """that a window may have, with its special tokens; None: nobody says"""
    pad_id: int

    @property
    def files(self) -> tuple[Path, ...]:
        """All that results depend on."""
        return (self.path / "config.json", self.path / "tokenizer.json", *self.weights)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the head's outputs; none for a regression, whose one output is the score."""
        named = self.config.get("id2label")
        if isinstance(named, dict) and named:
            labels = tuple(str(named[key]) for key in sorted(named, key=int))
        else:
            labels = tuple(f"LABEL_{number}" for number in range(int(self.config.get("num_labels", 2))))
        return labels if len(labels) > 1 else ()

    @property
    def outputs(self) -> int:
        """How many numbers the head gives."""
        return len(self.labels) or 1

    @property
    def many_apply(self) -> bool:
        """Whether several labels may apply, each with a probability of its own, and not one of them."""
        return self.config.get("problem_type") == "multi_label_classification"

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """The names and shapes of the stored weights. Raises ConfigError."""
        shapes: dict[str, tuple[int, ...]] = {}
        for file in self.weights:
            try:
                with file.open("rb") as stream:
                    (length,) = struct.unpack("<Q", stream.read(8))
                    header = json.loads(stream.read(length) if length <= _LARGEST_HEADER else b"")
                shapes |= {name: tuple(one["shape"]) for name, one in header.items() if name != "__metadata__"}
                ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
            except (OSError, struct.error, ValueError, TypeError, KeyError, AttributeError) as error:
                raise ConfigError(f"{file}: not weights in the form of safetensors: {error}", ("model",)) from error
            if file.stat().st_size < 8 + length + max(ends, default=0):
                raise ConfigError(f"{file}: cut short", ("model",))
        return shapes


def read_folder(model: str) -> ModelFolder:
    """Look at a folder. Raises ConfigError that says what is missing."""
    path = Path(model).expanduser()
    if not path.is_dir():
        what = "is a file" if path.exists() else "is not there"
        unknown = unknown_variable(model)
        why = f" (there is no environment variable {unknown})" if unknown else ""
        raise ConfigError(f"{model} {what}{why}; engine: transformers takes a folder with a model in it", ("model",))
    config = _json(path / "config.json", "which network it is")
    weights = _weights(path)
    if not (path / "tokenizer.json").is_file():
        made = "transformers' AutoTokenizer writes one with `save_pretrained`"
        raise ConfigError(f"{model} has no tokenizer.json; {made}", ("model",))
    settings = _json(path / "tokenizer_config.json", "") if (path / "tokenizer_config.json").is_file() else {}
    return ModelFolder(path, config, weights, _most_tokens(config, settings), _pad_id(config))


def _weights(path: Path) -> tuple[Path, ...]:
    if (path / "model.safetensors").is_file():
        return (path / "model.safetensors",)
    if (path / _INDEX).is_file():
        named = _json(path / _INDEX, "").get("weight_map")
        files = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
        missing = [name for name in files if not (path / name).is_file()]
        if missing or not files:
            raise ConfigError(f"{path / _INDEX} names {', '.join(missing) or 'no files'}: missing", ("model",))
        return tuple(path / name for name in files)
    pickled = (path / "pytorch_model.bin").is_file()
    hint = "; its pytorch_model.bin is a pickle, which may run any code: save it as safetensors" if pickled else ""
    raise ConfigError(f"{path} has no weights (model.safetensors){hint}", ("model",))


def _json(path: Path, what: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path.parent} has no {path.name}, which says {what}", ("model",)) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not JSON: {error}", ("model",)) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: not a JSON object", ("model",))
    return found


def _most_tokens(config: Mapping[str, Any], settings: Mapping[str, Any]) -> int | None:
    places = config.get("max_position_embeddings")
    if isinstance(places, int) and "roberta" in str(config.get("model_type")):
        places -= _pad_id(config) + 1  # its positions are counted from behind the padding's
    said = [limit for limit in (settings.get("model_max_length"), places) if isinstance(limit, int | float)]
    return int(least) if (least := min(said, default=_SANE_TOKENS)) < _SANE_TOKENS else None


def _pad_id(config: Mapping[str, Any]) -> int:
    found = config.get("pad_token_id")
    return found if isinstance(found, int) else 0
