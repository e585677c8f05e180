"""A tokenizer stage that is one line long: a document's tokens are its bytes."""

import json

import numpy as np
import pyarrow as pa

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig, StageSettings
from dspipe.pipeline.tasks.task import Task

WIDE_PAD = 70_000
SPECIAL = {"<s>": 256, "</s>": 257, "<pad>": 258, "<PRE>": 259, "<SUF>": 260, "<MID>": 261}


def tokenizer_json(wide: bool) -> bytes:
    """The tokenizer as Hugging Face's library loads it: byte b has the id b. Wide: an id needs more than 16 bits."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    letters |= {byte: chr(256 + i) for i, byte in enumerate(byte for byte in range(256) if byte not in plain)}
    model = {"type": "BPE", "vocab": {letters[byte]: byte for byte in range(256)}, "merges": []}
    special = {**SPECIAL, "<pad>": WIDE_PAD} if wide else SPECIAL
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": number, "content": name, **flags} for name, number in special.items()]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {"version": "1.0", "added_tokens": added, "pre_tokenizer": level, "decoder": level, "model": model}
    return json.dumps(tokenizer).encode()


class TokenizerConfig(StageConfig):
    wide: bool = False


class Tokenizer(GlobalStage[TokenizerConfig]):
    Config = TokenizerConfig

    def phases(self, corpus: Corpus) -> list[Phase]:
        settings = self.config.model_dump()
        return [
            Phase("tokenizer.train", "once", f"{__name__}:train", "Make the tokenizer", settings,
                  makes_artifacts=("tokenizer",)),
            Phase("tokenizer.encode", "shards", f"{__name__}:encode", "Encode", settings, columns=("text", "reason"),
                  artifacts=("tokenizer",), writes=(pa.field("tokens", pa.int64()),), makes_artifacts=("token_ids",)),
        ]  # fmt: skip


def train(task: Task, stage: StageSettings) -> None:
    with task.make("tokenizer") as file:
        file.write(tokenizer_json(stage.settings["wide"]))


def encode(task: Task, stage: StageSettings) -> None:
    with task.make("token_ids", ".bin") as file:
        for batch in task.rows(["text", "reason"]):
            kept = [
                text.encode() if reason is None else b""
                for text, reason in zip(batch["text"].to_pylist(), batch["reason"].to_pylist(), strict=True)
            ]
            ids = np.frombuffer(b"".join(kept), np.uint8)
            file.write(ids.astype("<u4" if stage.settings["wide"] else "<u2").tobytes())
            counts = pa.array([len(text) for text in kept], pa.int64())
            task.write(pa.RecordBatch.from_arrays([counts], names=["tokens"]))
