import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.run.run import RunResult
from dspipe.stages.tokenizer.stage import TokenizerConfig, TokenizerStage
from tests.engine import artifact_files, rows_of, run_inline, tasks_run
from tests.tokenizer.trained import TEXTS, config

SETTINGS = {"vocab": 600, "min_count": 1, "sample_bytes": 1e9}


def write_documents(folder: Path, shards: int = 3, domains: tuple[str, ...] = ("web",)) -> Path:
    folder.mkdir(exist_ok=True)
    for shard in range(shards):
        lines = [
            {"id": f"{shard}-{n}", "text": text + f" {shard} {n}", "domain": domains[n % len(domains)]}
            for n, text in enumerate([*TEXTS, "", "tiny"])
        ]
        content = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{shard}.jsonl").write_text(content, "utf-8")
    return folder


def configured(tmp_path: Path, tokenizer: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    source = {"name": "docs", "format": "jsonl", "path": str(tmp_path / "in" / "*.jsonl")}
    # documents of fewer than 20 characters are dropped before
    stages = [{"tests.toys.lengths": {"minimum": 20}}, {"tokenizer": tokenizer}]
    return {"output": str(tmp_path / "out"), "sources": [source], "stages": stages, **kwargs}


def ids_of(result: RunResult, dtype: str = "<u2") -> list[list[int]]:
    files = artifact_files(result, "token_ids")
    return [np.fromfile(file, dtype).tolist() for file in files]


def note(result: RunResult, phase: str, name: str) -> Any:
    manifests = next(summary.manifests for summary in result.phases if summary.name == phase)
    return result.store.read_json(manifests[0])["notes"][name]


def test_train_and_encode(tmp_path: Path) -> None:
    write_documents(tmp_path / "in")
    result = run_inline(configured(tmp_path, {"train": SETTINGS}))
    tokenizer = Tokenizer.from_file(str(artifact_files(result, "tokenizer")[0]))
    rows = rows_of(result, ["text", "tokens"])
    expected = [tokenizer.encode(row["text"]).ids if len(row["text"]) >= 20 else [] for row in rows]
    assert [row["tokens"] for row in rows] == [len(ids) for ids in expected]
    assert 0 in [row["tokens"] for row in rows]
    third = len(rows) // 3
    shards = [list(chain.from_iterable(expected[i * third : (i + 1) * third])) for i in range(3)]
    assert ids_of(result) == shards
    # what the library trains from the kept documents
    assert note(result, "tokenizer.train", "training")["asked"] == 600
    kept = [row["text"] for row in rows if len(row["text"]) >= 20]
    from tests.tokenizer.test_train import by_the_library

    trained = json.loads(artifact_files(result, "tokenizer")[0].read_text("utf-8"))["model"]["merges"]
    assert [merge.split(" ") for merge in trained] == by_the_library(kept, 600, "deepseek", 1)["merges"]
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        assert result.store.exists(name)


def test_the_same_bytes_whatever_the_partitions_and_seeds_agree(tmp_path: Path) -> None:
    write_documents(tmp_path / "in")
    wanted = configured(tmp_path, {"train": {**SETTINGS, "sample_bytes": 2000}})
    first = run_inline(wanted)
    again = run_inline(wanted, output=str(tmp_path / "again"))
    other = run_inline(wanted, output=str(tmp_path / "other"), seed=5)
    content = [artifact_files(result, "tokenizer")[0].read_bytes() for result in (first, again, other)]
    assert content[0] == content[1] != content[2]
    assert ids_of(first) == ids_of(again)
    assert tasks_run(run_inline(wanted)) == {}


def test_the_sample_is_about_as_large_as_asked_for(tmp_path: Path) -> None:
    write_documents(tmp_path / "in", shards=20)
    result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "sample_bytes": 20_000}}))
    counters = next(summary.as_json() for summary in result.phases if summary.name == "tokenizer.count")["counters"]
    assert note(result, "tokenizer.sample", "sample")["bytes"] == pytest.approx(20_000, abs=2)
    assert counters["sampled_bytes"] == pytest.approx(20_000, rel=0.35)


def test_domains_without_weight_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [
        {"id": str(n), "text": ("zzzz " if n % 2 else "yyyy ") * 10, "domain": "z" if n % 2 else "y"} for n in range(20)
    ]
    (folder / "0.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "weights": {"y": 1.0}}}))
    vocabulary = json.loads(artifact_files(result, "tokenizer")[0].read_text("utf-8"))["model"]["vocab"]
    assert "yyyy" in vocabulary and "zz" not in vocabulary


def test_languages_without_weight_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [{"id": str(n), "text": ("zzzz " if n % 2 else "yyyy ") * 10} for n in range(20)]
    lines = [line | ({} if n % 2 else {"language": "la"}) for n, line in enumerate(lines)]
    (folder / "0.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    for language, there, gone in (("la", "yyyy", "zz"), ("unknown", "zzzz", "yy")):
        weights = {"language": {language: 1.0}}
        result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "weights": weights}}))
        vocabulary = json.loads(artifact_files(result, "tokenizer")[0].read_text("utf-8"))["model"]["vocab"]
        assert there in vocabulary and gone not in vocabulary


def write_web_and_rare(folder: Path) -> None:
    """400 documents of 150 bytes, one in 20 of them of the domain rare, with words of its own."""
    folder.mkdir()
    lines = [
        {"id": str(n), "text": ("rr ss " if n % 20 == 0 else "ww xx ") * 25, "domain": "web" if n % 20 else "rare"}
        for n in range(400)
    ]
    for shard in range(2):
        content = "".join(json.dumps(line) + "\n" for line in lines[shard::2])
        (folder / f"{shard}.jsonl").write_text(content, "utf-8")


def counted(result: RunResult) -> Counter[str]:
    """How often each word is in the sample, with and without a blank before it."""
    counts: Counter[str] = Counter()
    for file in artifact_files(result, "tokenizer_words"):
        for row in pa.ipc.open_file(str(file)).read_all().to_pylist():
            counts[row["word"].decode().strip()] += row["count"]
    del counts[""]
    return counts


def with_remix(tmp_path: Path, remix: dict[str, Any], **train: Any) -> dict[str, Any]:
    values = configured(tmp_path, {"train": {**SETTINGS, "vocab": 260, **train}})
    values["stages"].insert(1, {"remix": remix})
    return values


def test_the_sample_follows_remix(tmp_path: Path) -> None:
    write_web_and_rare(tmp_path / "in")  # 60,000 bytes, a twentieth of them rare
    weights = {"weights": {"web": 0.75, "rare": 0.25}, "max_epochs": 8, "tokens": 5000}
    result = run_inline(with_remix(tmp_path, weights))
    # 5000 tokens are 20,000 bytes: 25 documents of rare's 20 are 1.25 epochs, 15,000 bytes of the web
    counts = counted(result)
    assert counts["rr"] == counts["ss"] == pytest.approx(0.25 * 20_000 / 6, rel=0.15)
    assert counts["ww"] == counts["xx"] == pytest.approx(0.75 * 20_000 / 6, rel=0.15)
    epochs = json.loads((tmp_path / "out" / "expected_epochs.json").read_text())["epochs"]
    assert epochs["rare"] == pytest.approx(0.25 * 20_000 / 3000, rel=0.1)
    smaller = counted(run_inline(with_remix(tmp_path, weights, sample_bytes=8000), output=str(tmp_path / "smaller")))
    assert smaller["rr"] == pytest.approx(0.25 * 8000 / 6, rel=0.5)
    assert smaller["ww"] == pytest.approx(0.75 * 8000 / 6, rel=0.25)


def test_the_sample_does_not_follow_remix_where_that_is_asked_for(tmp_path: Path) -> None:
    write_web_and_rare(tmp_path / "in")
    weights = {"weights": {"web": 0.75, "rare": 0.25}, "max_epochs": 8, "tokens": 5000}
    natural = run_inline(with_remix(tmp_path, weights, weights="natural"))
    assert counted(natural) == {"rr": 500, "ss": 500, "ww": 9500, "xx": 9500}
    assert "remix.forecast" not in [phase.name for phase in natural.phases]
    own = run_inline(with_remix(tmp_path, weights, weights={"rare": 1.0}), output=str(tmp_path / "own"))
    assert counted(own) == {"rr": 500, "ss": 500}


def test_what_remix_does_not_draw_is_not_in_the_sample(tmp_path: Path) -> None:
    write_web_and_rare(tmp_path / "in")
    remix = {"weights": {"web": 0.0, "rare": 1.0}, "max_epochs": 3, "tokens": 1e9}
    with pytest.raises(RunFailedError, match="the mixture can't be drawn"):  # seen when there are tokens
        run_inline(with_remix(tmp_path, remix))
    values = with_remix(tmp_path, {key: remix[key] for key in ("weights", "max_epochs")}, weights="remix")
    assert counted(run_inline(values, output=str(tmp_path / "again"))) == {"rr": 1500, "ss": 1500}


def test_large_samples_are_thinned(tmp_path: Path) -> None:
    write_documents(tmp_path / "in")
    result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "thin_below": 6}}))
    words = next(summary.as_json() for summary in result.phases if summary.name == "tokenizer.merge")["counters"][
        "words"
    ]
    training = note(result, "tokenizer.train", "training")
    assert 0 < training["words"] < words and training["thinned_below"] == 6
    for memory, all_fit in (("1GB", True), (25 * words, False)):  # 5 positions for a word
        result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "memory": memory}}))
        training = note(result, "tokenizer.train", "training")
        assert (training["thinned_below"] == 0) == (training["words"] == words) == all_fit


def test_a_given_tokenizer_is_copied_with_its_side_files(tmp_path: Path) -> None:
    write_documents(tmp_path / "in", shards=1)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    given = json.dumps(config())
    (folder / "my.json").write_text(given, "utf-8")
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 7}', "utf-8")
    wanted = configured(tmp_path, {"path": str(folder / "my.json")})
    result = run_inline(wanted)
    assert artifact_files(result, "tokenizer")[0].read_text("utf-8") == given
    assert json.loads(artifact_files(result, "tokenizer_config")[0].read_text()) == {"model_max_length": 7}
    tokenizer = Tokenizer.from_str(given)
    kept = [row["text"] for row in rows_of(result, ["text"]) if len(row["text"]) >= 20]
    assert ids_of(result) == [[number for text in kept for number in tokenizer.encode(text).ids]]
    assert tasks_run(run_inline(wanted)) == {}
    (folder / "my.json").write_text(json.dumps(config(400)), "utf-8")
    assert set(tasks_run(run_inline(wanted))) == {"tokenizer.copy", "tokenizer.encode"}


def test_special_tokens_in_documents(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    text = "this is a long text <｜User｜> and more"
    (folder / "0.jsonl").write_text(json.dumps({"id": "0", "text": text}) + "\n", "utf-8")
    (tmp_path / "tokenizer.json").write_text(json.dumps(config()), "utf-8")
    found = []
    for special in (False, True):
        tokenizer = {"path": str(tmp_path / "tokenizer.json"), "special_in_text": special}
        found.append(ids_of(run_inline(configured(tmp_path, tokenizer)))[0])
    assert 507 not in found[0] and 507 in found[1]


def test_large_vocabularies_take_four_bytes_an_id(tmp_path: Path) -> None:
    write_documents(tmp_path / "in", shards=1)
    result = run_inline(configured(tmp_path, {"train": {**SETTINGS, "pad_to": 1 << 17}}))
    total = sum(row["tokens"] for row in rows_of(result, ["tokens"]))
    assert artifact_files(result, "token_ids")[0].stat().st_size == 4 * total
    assert max(ids_of(result, "<u4")[0]) < 600


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        ({}, "give either path"),
        ({"path": "x.json", "train": {}}, "give either path"),
        ({"path": "/nowhere/tokenizer.json"}, "/nowhere/tokenizer.json"),
        ({"train": {"vocab": 100}}, "smaller than the 256 bytes"),
        ({"train": {"special": ["a", "a", "b"]}}, "collide: a"),
        ({"train": {"vocabulary": 100}}, "vocabulary"),
        ({"train": {"sample_bytes": "8 elephants"}}, "sample_bytes"),
        ({"train": {"weights": {"web": -1}}}, "weights"),
        ({"train": {"weights": {"domain": {"web": 1}, "dump": {"a": 1}}}}, "dump"),
        ({"train": {"weights": "remix"}}, "follows the stage remix, which this config doesn't have"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, tokenizer: dict[str, Any], message: str) -> None:
    write_documents(tmp_path / "in", shards=1)
    with pytest.raises(InvalidConfigError, match=message):
        run_inline(configured(tmp_path, tokenizer))


def test_a_tokenizer_that_nobody_knows(tmp_path: Path) -> None:
    write_documents(tmp_path / "in", shards=1)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"version": "1.0", "model": {"type": "Foo", "vocab": {}, "merges": []}}), "utf-8")
    with pytest.raises(
        InvalidConfigError, match=r"stages\.tokenizer\.path: .*its model is Foo, not BPE, and `tokenizers`"
    ):
        run_inline(configured(tmp_path, {"path": str(path)}))


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    write_documents(tmp_path / "in", shards=1)
    (tmp_path / "t.json").write_text("{}", "utf-8")
    with pytest.raises(InvalidConfigError, match="it has no model"):
        run_inline(configured(tmp_path, {"path": str(tmp_path / "t.json")}))


def test_an_empty_corpus_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.jsonl").write_text('{"id": "0", "text": "short"}\n', "utf-8")
    with pytest.raises(RunFailedError) as failure:
        run_inline(configured(tmp_path, {"train": SETTINGS}))
    said = "stages.tokenizer.train: cannot train a tokenizer: there is no text to train on"
    assert str(failure.value) == said, "the same wherever it is tried, so neither a machine nor tries are named"
    assert failure.value.user


def test_a_tokenizer_that_runs_the_slow_way_is_remarked_on(tmp_path: Path) -> None:
    slow = {
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "b"},
    }
    (tmp_path / "slow.json").write_text(json.dumps(slow))
    stage = TokenizerStage("tokenizer", TokenizerConfig(path=str(tmp_path / "slow.json")))
    (remark,) = stage.remarks()
    assert "through the library `tokenizers`" in remark and "WordLevel, not BPE" in remark
    assert stage.special_token_names() == []
    trained = TokenizerStage("tokenizer", TokenizerConfig.model_validate({"train": SETTINGS}))
    assert trained.remarks() == [] and trained.special_token_names()
