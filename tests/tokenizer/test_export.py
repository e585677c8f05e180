"""The files of a tokenizer: they load elsewhere with the same ids."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from dspipe.tokenizer.encoder import loads
from dspipe.tokenizer.export import FILES, write_files
from dspipe.tokenizer.special_tokens import DEEPSEEK
from tests.tokenizer.trained import TEXTS, files

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def test_the_files_load_in_the_library_with_the_same_ids(tmp_path: Path) -> None:
    contents = files()
    write_files(contents, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.get_vocab_size(with_added_tokens=True) == 515
    assert [tokenizer.token_to_id(name) for name in DEEPSEEK] == list(range(500, 515))
    encoder = loads(contents["tokenizer.json"])
    for text in [*TEXTS, " a\n", "\x00ab", "  "]:
        ids = tokenizer.encode(text).ids
        own, _ = encoder.encode(pa.array([text], pa.large_string()))
        assert ids == own.tolist()
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_side_files_name_the_special_tokens() -> None:
    contents = files()
    config = json.loads(contents["tokenizer_config.json"])
    names = json.loads(contents["special_tokens_map.json"])
    assert (config["bos_token"], config["eos_token"], config["pad_token"]) == DEEPSEEK[:3]
    assert [names["bos_token"], names["eos_token"], names["pad_token"], *names["additional_special_tokens"]] == list(
        DEEPSEEK
    )
    assert config["model_max_length"] == 4096
    assert {int(number): token["content"] for number, token in config["added_tokens_decoder"].items()} == dict(
        enumerate(DEEPSEEK, 500)
    )
    model = json.loads(contents["config.json"])
    assert model == {"vocab_size": 640, "bos_token_id": 500, "eos_token_id": 501, "pad_token_id": 502}


def test_the_chat_template_uses_tokens_that_are_there() -> None:
    jinja2 = pytest.importorskip("jinja2")
    config = json.loads(files()["tokenizer_config.json"])
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    shown = jinja2.Template(config["chat_template"]).render(
        messages=messages, bos_token=DEEPSEEK[0], eos_token=DEEPSEEK[1], add_generation_prompt=True
    )
    assert shown == f"{DEEPSEEK[0]}<｜System｜>S<｜User｜>U<｜Assistant｜>"
    assert "chat_template" not in json.loads(files(special=("<s>", "</s>", "<pad>"))["tokenizer_config.json"])


def test_the_files_load_in_transformers_with_the_same_ids(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    contents = files()
    write_files(contents, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    encoder = loads(contents["tokenizer.json"])
    for text in TEXTS:
        own, _ = encoder.encode(pa.array([text], pa.large_string()))
        assert loaded(text)["input_ids"] == own.tolist()
        assert loaded.decode(own.tolist()) == text
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == DEEPSEEK[:3]
    assert loaded.eos_token_id == 501
    chat = [{"role": "user", "content": "Hi"}]
    shown = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert shown == f"{DEEPSEEK[0]}<｜User｜>Hi<｜Assistant｜>"
