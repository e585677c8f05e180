import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.tokenizer.files import FILES
from dspipe.stages.tokenizer.train import train_tokenizer
from dspipe.stages.tokenizer.words import write_words
from dspipe.tokenizer.counting import count_positions
from dspipe.tokenizer.settings import TrainSettings
from tests.tasks import Inputs, make_task, read_made, run_function
from tests.tokenizer.trained import TEXTS, count, files


def train(folder: Path, parts: list[list[str]], **settings: Any) -> Task:
    """Train on the words of some texts, which are in partitions."""
    words, sizes = [], []
    for texts in parts:
        counted, file = count(texts), io.BytesIO()
        write_words(file, counted)
        words.append(file.getvalue())
        sizes.append(json.dumps(count_positions(counted).tolist()).encode())
    task = make_task(folder, Inputs(artifacts={"tokenizer_words.arrow": words, "tokenizer_word_sizes": sizes}))
    run_function(train_tokenizer, task, TrainSettings.model_validate(settings).model_dump(mode="json"))
    return task


def test_the_files_are_those_of_all_partitions_words(tmp_path: Path) -> None:
    task = train(tmp_path, [TEXTS[:7], TEXTS[7:]], vocab=400, min_count=1)
    expected = files(400, min_count=1)
    assert {name: read_made(task, artifact)[0].decode() for artifact, name in FILES.items()} == expected
    training = task.notes["training"]
    assert (training["asked"], training["tokens"], training["thinned_below"]) == (400, 400, 0)
    assert training["last_count"] >= 1 and training["words"] > 50


def test_rare_words_are_thinned_out_where_memory_is_short(tmp_path: Path) -> None:
    texts = [f"often {n} seldom{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}" for n in range(600)]
    words = train(tmp_path / "a", [texts], vocab=300, min_count=1).notes["training"]["words"]
    thinned = train(tmp_path / "b", [texts], vocab=300, min_count=1, memory=10_000).notes["training"]
    assert thinned["thinned_below"] > 1 and thinned["words"] < words
    asked = train(tmp_path / "c", [texts], vocab=300, min_count=1, thin_below=5).notes["training"]
    assert asked["thinned_below"] == 5 and asked["words"] < words


def test_words_can_be_cut_where_characters_seldom_meet(tmp_path: Path) -> None:
    texts = ["wordx wordy wordz word word word"]
    for cut_below, joined in ((0, {"wordx", "wordy", "wordz"}), (2, set())):
        task = train(tmp_path / str(cut_below), [texts], vocab=300, min_count=1, cut_below=cut_below)
        vocabulary = json.loads(read_made(task, "tokenizer")[0])["model"]["vocab"]
        assert "word" in vocabulary
        assert {token.lstrip("Ġ") for token in vocabulary if re.search("d[xyz]$", token)} >= joined
        assert any(re.search("d[xyz]$", token) for token in vocabulary) == bool(joined)


def test_no_text_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot train a tokenizer: there is no text to train on") as caught:
        train(tmp_path, [[]])
    assert caught.value.key == ("train",)
