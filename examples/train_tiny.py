"""Train a tiny model on a run's packed shards, stop in the middle, resume, and see exactly the rows of an unbroken run.

    dspipe run configs/quickstart.yaml
    python examples/train_tiny.py runs/quickstart

The model predicts each token from the one before it, within documents only. It is written in torch where that is
installed, else in numpy; the loop around it, with its checkpoints, is what a real trainer needs.
"""

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for a checkout that isn't installed

from stages.packing.reader import PackedDataset

TOKENS = 256
"""Of each row only so many tokens are trained on: a step takes milliseconds."""
WIDTH = 16

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
    """softmax(out[after] . embed[before]), trained by gradient descent."""

    def __init__(self, vocabulary: int) -> None:
        draw = np.random.default_rng(0)
        self.embed = draw.normal(0, 0.1, (vocabulary, WIDTH)).astype(np.float32)
        self.out = draw.normal(0, 0.1, (WIDTH, vocabulary)).astype(np.float32)

    def step(self, before: Tokens, after: Tokens) -> float:
        hidden = self.embed[before]
        logits = hidden @ self.out
        logits -= logits.max(axis=1, keepdims=True)
        gradient = np.exp(logits)
        gradient /= gradient.sum(axis=1, keepdims=True)
        each = np.arange(len(after))
        loss = float(-np.log(gradient[each, after] + 1e-9).mean())
        gradient[each, after] -= 1
        gradient *= 5.0 / len(after)
        embed_gradient = gradient @ self.out.T
        self.out -= hidden.T @ gradient
        np.subtract.at(self.embed, before, embed_gradient)
        return loss

    def state(self) -> Any:
        return {"embed": self.embed.copy(), "out": self.out.copy()}

    def load(self, state: Any) -> None:
        self.embed, self.out = state["embed"].copy(), state["out"].copy()


def torch_model(vocabulary: int) -> Model:
    """The same in torch."""
    import torch

    class TorchModel:
        def __init__(self) -> None:
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Embedding(vocabulary, WIDTH), torch.nn.Linear(WIDTH, vocabulary))
            self.optimizer = torch.optim.SGD(self.net.parameters(), lr=5.0)

        def step(self, before: Tokens, after: Tokens) -> float:
            loss = torch.nn.functional.cross_entropy(self.net(torch.as_tensor(before)), torch.as_tensor(after))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return float(loss)

        def state(self) -> Any:
            return {name: value.clone() for name, value in self.net.state_dict().items()}

        def load(self, state: Any) -> None:
            self.net.load_state_dict(state)

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
    """Train up to step `steps`, from the start or a checkpoint. Returns a checkpoint with the rows and losses so far."""
    data = PackedDataset(run, seed=17, epochs=None)
    model = make_model(data.shards.index["vocabulary"])
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
