"""Train a tiny model on a run's packed shards, stop in the middle, resume, and see exactly the rows of an unbroken run.

    dspipe run configs/quickstart.yaml
    python examples/train_tiny.py runs/quickstart

The model predicts each token from the one before it, within documents only. It is written in torch where that is
installed, else in numpy; the loop around it, with its checkpoints, is what a real trainer needs.
"""

import argparse
import copy
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # for a checkout that isn't installed

from dspipe.stages.pack.reading.reader import PackedDataset

TOKENS = 128
"""Of each row only so many tokens are trained on: a step takes milliseconds."""
WIDTH = 16
RATE = 0.1

Tokens = npt.NDArray[np.int64]


class Model(Protocol):
    """A model that predicts the next token."""

    def step(self, before: Tokens, after: Tokens) -> float:
        """Train on pairs of a token and the one after it; the mean loss before the step."""

    def state(self) -> Any:
        """All parameters."""

    def load(self, state: Any) -> None:
        """Take parameters over."""


class NumpyModel:
    """softmax(embed[before] . out), trained by Adagrad."""

    def __init__(self, vocabulary: int) -> None:
        draw = np.random.default_rng(0)
        embed, out = (draw.normal(0, 0.1, shape) for shape in ((vocabulary, WIDTH), (WIDTH, vocabulary)))
        # two parameters, and for each the sums of its squared gradients
        self.arrays = [array.astype(np.float32) for array in (embed, out, 0 * embed, 0 * out)]

    def step(self, before: Tokens, after: Tokens) -> float:
        embed, out, *squares = self.arrays
        hidden = embed[before]
        likely = np.exp(hidden @ out)
        likely /= likely.sum(axis=1, keepdims=True)
        each = np.arange(len(after))
        loss = float(-np.log(likely[each, after]).mean())
        likely[each, after] -= 1  # now the gradient of the logits
        gradients = [np.zeros_like(embed), hidden.T @ likely / len(after)]
        np.add.at(gradients[0], before, likely @ out.T / len(after))
        for array, square, gradient in zip((embed, out), squares, gradients, strict=True):
            square += gradient**2
            array -= RATE * gradient / (np.sqrt(square) + 1e-8)
        return loss

    def state(self) -> Any:
        return [array.copy() for array in self.arrays]

    def load(self, state: Any) -> None:
        self.arrays = [array.copy() for array in state]


def torch_model(vocabulary: int) -> Model:
    """The same in torch."""
    import torch

    class TorchModel:
        def __init__(self) -> None:
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Embedding(vocabulary, WIDTH), torch.nn.Linear(WIDTH, vocabulary))
            self.optimizer = torch.optim.Adagrad(self.net.parameters(), lr=RATE)

        def step(self, before: Tokens, after: Tokens) -> float:
            loss = torch.nn.functional.cross_entropy(self.net(torch.as_tensor(before)), torch.as_tensor(after))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return float(loss)

        def state(self) -> Any:
            return copy.deepcopy([self.net.state_dict(), self.optimizer.state_dict()])

        def load(self, state: Any) -> None:
            self.net.load_state_dict(state[0])
            self.optimizer.load_state_dict(state[1])

    return TorchModel()


def make_model(vocabulary: int) -> Model:
    """The torch model, or the numpy model where there is no torch."""
    return torch_model(vocabulary) if importlib.util.find_spec("torch") else NumpyModel(vocabulary)


def pairs(sample: dict[str, Any]) -> tuple[Tokens, Tokens]:
    """Tokens of a row and those after them, where both are of the same document."""
    tokens, documents = sample["tokens"][: TOKENS + 1], sample["document_ids"][: TOKENS + 1]
    together = (documents[1:] == documents[:-1]) & (documents[1:] >= 0)
    return tokens[:-1][together], tokens[1:][together]


def train(run: Path, steps: int, batch: int, checkpoint: dict[str, Any] | None = None) -> dict[str, Any]:
    """Train up to step `steps`, from the start or a checkpoint; returns a checkpoint, with rows and losses so far."""
    data = PackedDataset(run, seed=17, epochs=None)
    model = make_model(data.shards.manifest.vocabulary)
    step, rows, losses = 0, [], []
    if checkpoint is not None:
        data.load_state_dict(checkpoint["data"])
        model.load(checkpoint["model"])
        step, rows, losses = checkpoint["step"], list(checkpoint["rows"]), list(checkpoint["losses"])
    samples = iter(data)
    while step < steps:
        taken = [next(samples) for _ in range(batch)]
        found = [pairs(sample) for sample in taken]
        losses.append(model.step(*(np.concatenate(side) for side in zip(*found, strict=True))))
        rows += [sample["row"] for sample in taken]
        step += 1
    return {"step": step, "data": data.state_dict(), "model": model.state(), "rows": rows, "losses": losses}


def main() -> None:
    """Train without a break, then with one, and compare."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("run", type=Path, help="the output directory of a run with the stage `pack`")
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--stop-after", type=int, default=23)
    options.add_argument("--batch", type=int, default=4, help="rows a step")
    chosen = options.parse_args()
    whole = train(chosen.run, chosen.steps, chosen.batch)
    print(f"unbroken: {chosen.steps} steps, loss {whole['losses'][0]:.3f} -> {whole['losses'][-1]:.3f}")
    with tempfile.TemporaryDirectory() as folder:
        stopped = train(chosen.run, chosen.stop_after, chosen.batch)
        file = Path(folder) / "checkpoint.npy"
        np.save(file, np.array(stopped, object), allow_pickle=True)
        resumed = train(chosen.run, chosen.steps, chosen.batch, np.load(file, allow_pickle=True).item())
    print(f"stopped after step {chosen.stop_after}, resumed: loss {resumed['losses'][-1]:.3f}")
    if resumed["rows"] != whole["rows"]:
        raise SystemExit("the resumed run saw other rows than the unbroken one")
    same = "the same losses" if resumed["losses"] == whole["losses"] else "other losses"
    print(f"both saw the same {len(whole['rows'])} rows in the same order, with {same}")


if __name__ == "__main__":
    main()
