"""The engine `transformers`: a sequence classifier, or a regression over an embedding, on windows of the text.

The same windows give the same bits on the same device, whatever stands beside them: a product of matrices of another
shape may be added up in another order, so every forward pass has the same number of windows, padded to a multiple of
64 tokens, whether as many are left or not. One thread of the CPU computes, as of every task.
"""

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.tasks.limits import restart_deadline
from dspipe.stages.label.judgement import Judgement
from dspipe.stages.label.model_folder import ModelFolder, read_folder
from dspipe.stages.label.windows import Place, WindowCutter
from dspipe.stages.shared.loaded import load_once, sha256_once

if TYPE_CHECKING:
    import pyarrow as pa

Float32 = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda"]
_PACKAGES = ("torch", "transformers", "safetensors")
_ROUND = 64
"""tokens: lengths are padded to a multiple of this"""


class TransformersEngine:
    """Judges texts by a model of a folder, which each worker loads once."""

    def __init__(self, model: str, reading: "Reading") -> None:
        self._model, self._reading = model, reading

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels; none of a regression. Raises ConfigError."""
        return self._folder.labels

    def digest(self) -> dict[str, str]:
        """Of all that the model is. Raises ConfigError where something is missing."""
        return {file.name: sha256_once(file) for file in self._folder.files}

    def check(self) -> None:
        """Look at packages, folder and weights without loading them. Raises ConfigError."""
        check_packages()
        most, tokens = self._folder.most_tokens, self._reading.window_tokens
        if most is not None and tokens > most:
            raise ConfigError(f"{self._model} takes windows of {most} tokens at most", ("window_tokens",))
        check_head(self._folder)

    def check_machine(self) -> None:
        """Raises ConfigError where a GPU is asked for and there is none."""
        if not any(find_spec(name) is None for name in _PACKAGES):
            check_device(self._reading.device)

    def set_up(self) -> None:
        """Load the model. Raises ConfigError."""
        self._loaded()

    def judge(self, texts: "pa.Array") -> Judgement:
        """The best label of each text, or the value of a regression."""
        return self._loaded().judge(texts)

    def _loaded(self) -> "SequenceModel":
        folder, reading = self._folder, self._reading
        return load_once("transformers", folder.files, lambda: SequenceModel(folder, reading), reading)

    @cached_property
    def _folder(self) -> ModelFolder:
        return read_folder(self._model)


@dataclass(frozen=True)
class Reading:
    """How texts go through a model."""

    windows: tuple[Place, ...]
    window_tokens: int
    join: Literal["mean", "max"]
    batch: int
    device: Device
    dtype: Literal["float32", "bfloat16"]


def check_packages() -> None:
    """Raises ConfigError where the extra isn't installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        said = f"the package{'s' * (len(missing) > 1)} {', '.join(missing)} missing: pip install 'dspipe[transformers]'"
        raise ConfigError(said, ("engine",))


def check_device(device: Device) -> None:
    """Raises ConfigError for a GPU that this process doesn't see."""
    if device == "cuda" and not importlib.import_module("torch").cuda.is_available():
        raise ConfigError("this machine has no GPU that PyTorch can use; `device: auto` does without", ("device",))


def check_head(folder: ModelFolder) -> None:
    """Raises ConfigError where the weights are not those of the classifier that config.json says: parts that are
    missing would be given random ones."""
    torch, transformers = (importlib.import_module(name) for name in ("torch", "transformers"))
    stored = folder.tensor_shapes()
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder.path), local_files_only=True)
        with torch.device("meta"):
            model = transformers.AutoModelForSequenceClassification.from_config(config)
    except (ValueError, OSError, KeyError, ImportError) as error:
        raise ConfigError(f"{folder.path}: no sequence classifier: {_first_line(error)}", ("model",)) from error
    body = f"{model.base_model_prefix}."
    for name, tensor in model.state_dict().items():
        if name.startswith(body):
            continue
        if name not in stored:
            raise ConfigError(
                f"{folder.path} has no weights {name}: it is a language model, not a classifier that was trained",
                ("model",),
            )
        if stored[name] != tuple(tensor.shape):
            raise ConfigError(
                f"{folder.path}: the weights {name} are of the shape {list(stored[name])}, and config.json, with "
                f"{folder.outputs} label{'s' * (folder.outputs > 1)}, asks for {list(tensor.shape)}",
                ("model",),
            )


class SequenceModel:
    """A loaded model with its tokenizer, on a device. Raises ConfigError for a folder that can't be loaded."""

    def __init__(self, folder: ModelFolder, reading: Reading) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS's sums may differ from time to time
        check_device(reading.device)
        self._torch = torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        on_gpu = reading.device != "cpu" and torch.cuda.is_available()
        # of several that it sees, processes take different ones; on Ray it sees its own alone
        self._device = f"cuda:{os.getpid() % torch.cuda.device_count()}" if on_gpu else "cpu"
        self._folder, self._reading = folder, reading
        self._cutter = WindowCutter(folder.path / "tokenizer.json", reading.windows, reading.window_tokens)
        self._model = self._load()
        # what the largest batch takes is taken now, when there is no document to blame
        self._forward([[folder.pad_id] * reading.window_tokens])

    def judge(self, texts: "pa.Array") -> Judgement:
        """The label and score of each text."""
        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(texts)
        windows: list[list[int]] = []
        of_text: list[int] = []
        for number in range(len(texts)):
            for ids in self._cutter.windows(data[offsets[number] : offsets[number + 1]]):
                windows.append(ids)
                of_text.append(number)
        outputs = _probabilities(self._outputs(windows), self._folder)
        return _joined(outputs, np.array(of_text, np.int64), len(texts), self._reading.join, bool(self._folder.labels))

    def _outputs(self, windows: Sequence[list[int]]) -> Float32:
        found = np.zeros((len(windows), self._folder.outputs), np.float32)
        for chosen in _batches(windows, self._reading):
            found[chosen] = self._forward([windows[number] for number in chosen])
            restart_deadline()
        return found

    def _forward(self, windows: Sequence[list[int]]) -> Float32:
        torch = self._torch
        length = _padded(max(map(len, windows)), self._reading.window_tokens)
        ids = np.full((self._reading.batch, length), self._folder.pad_id, np.int64)
        seen = np.zeros_like(ids)
        for row in range(self._reading.batch):
            window = windows[min(row, len(windows) - 1)]  # rows that are left over repeat the last one
            ids[row, : len(window)], seen[row, : len(window)] = window, 1
        with torch.inference_mode():
            given, mask = (torch.from_numpy(array).to(self._device) for array in (ids, seen))
            try:
                logits = self._model(input_ids=given, attention_mask=mask).logits
            except RuntimeError as error:
                if "memory" in str(error):  # no document's doing: every batch takes as much
                    raise MemoryError(f"{_first_line(error)}; a smaller `batch` takes less") from error
                raise
            found: Float32 = logits.float().cpu().numpy()
        return found[: len(windows)]

    def _load(self) -> Any:
        torch, transformers = self._torch, importlib.import_module("transformers")
        transformers.logging.set_verbosity_error()
        if hasattr(transformers.logging, "disable_progress_bar"):
            transformers.logging.disable_progress_bar()
        folder = str(self._folder.path)
        try:
            model, about = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=getattr(torch, self._reading.dtype),
                output_loading_info=True,
            )
        except (ValueError, OSError, RuntimeError, KeyError, ImportError) as error:
            raise ConfigError(f"{folder}: can't be loaded: {_first_line(error)}", ("model",)) from error
        if about["missing_keys"]:
            raise ConfigError(f"{folder} has no weights {', '.join(sorted(about['missing_keys'])[:3])}", ("model",))
        if model.config.pad_token_id is None:
            model.config.pad_token_id = self._folder.pad_id
        return model.eval().to(self._device)


def _batches(windows: Sequence[list[int]], reading: Reading) -> Iterator[list[int]]:
    """The numbers of windows that go through the model together: those of one padded length, in order."""
    waiting: dict[int, list[int]] = {}
    for number, ids in enumerate(windows):
        same = waiting.setdefault(_padded(len(ids), reading.window_tokens), [])
        same.append(number)
        if len(same) == reading.batch:
            yield same.copy()
            same.clear()
    yield from (same for _, same in sorted(waiting.items()) if same)


def _padded(length: int, most: int) -> int:
    return min(-(-length // _ROUND) * _ROUND, most)


def _probabilities(outputs: Float32, folder: ModelFolder) -> npt.NDArray[np.float64]:
    """What outputs mean: the probability of each label, or of a regression the value."""
    values = outputs.astype(np.float64)
    if not folder.labels:
        return values
    if folder.many_apply:
        return 1 / (1 + np.exp(-values))
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _joined(
    values: npt.NDArray[np.float64], of_text: npt.NDArray[np.int64], texts: int, join: str, labels: bool
) -> Judgement:
    """One judgement a text from those of its windows, which stand together: float64 [windows, outputs]."""
    label, score = np.full(texts, -1, np.int32), np.full(texts, np.nan, np.float32)
    if len(of_text):
        known, first, count = np.unique(of_text, return_index=True, return_counts=True)
        if join == "mean":
            together = np.add.reduceat(values, first) / count[:, None]
        else:
            together = np.maximum.reduceat(values, first)
        best = together.argmax(axis=1)
        score[known] = together[np.arange(len(known)), best]
        label[known] = best if labels else -1
    return Judgement(label, score)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
