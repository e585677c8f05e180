import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from dspipe.pipeline.config.run_config import parse_file
from dspipe.pipeline.errors import RunNotFoundError
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.remix.mixtures.sample import SampleError, read_configured, write_mixtures
from dspipe.stages.remix.mixtures.simplex import BoundsError
from dspipe.stages.remix.mixtures.tables import read_ratios
from tests.engine import artifact_files, run_inline, tasks_run, write_config
from tests.stages.pack.runs import make_config, make_documents
from tests.stages.remix.mixtures.sweeps import configured_run, sampled, values_of


def test_a_mixture_reuses_all_that_comes_before_remix_and_the_others_shards_stay(tmp_path: Path) -> None:
    config = configured_run(tmp_path / "in", max_epochs=4)
    sampled(config, tmp_path / "mixtures")
    found = {}
    for number in (1, 2):
        result = run_inline(values_of(tmp_path / "mixtures", number))
        # documents, tokenizer.train and .encode, remix.count are those of the first run
        assert {name.partition(".")[0] for name in tasks_run(result)} == {"remix", "pack"}
        assert {name for name in tasks_run(result) if name.startswith("remix")} == {"remix.plan", "remix.draw"}
        (found[number],) = artifact_files(result, "index")
    weights = {number: values_of(tmp_path / "mixtures", number)["stages"][0]["remix"]["weights"] for number in found}
    assert weights[1] != weights[2]
    for number, index in found.items():
        data = PackedDataset(index)
        assert sum(bool(sample["loss_mask"].any()) for sample in data) == data.rows
        tokens = data.shards.manifest.domains
        for name, weight in weights[number].items():
            # pack adds an end token to each document
            assert tokens.get(name, 0) / sum(tokens.values()) == pytest.approx(weight, abs=0.06)


def test_a_trained_tokenizer_is_that_of_the_run(tmp_path: Path) -> None:
    values = make_config(tmp_path / "in", make_documents(200), remix={"multipliers": {"code": 2}}, length=64)
    values["stages"][1] = {"tokenizer": {"train": {"vocab": 300, "special": 3, "sample_bytes": 10_000}}}
    values = {"name": "mixed", "engine": {"kind": "inline", "index": False}, **values}
    run_inline(values)
    trained = (tmp_path / "in/run/tokenizer.json").read_bytes()
    written = sampled(write_config(tmp_path / "config.yaml", values), tmp_path / "mixtures", tokens=1000)
    assert written.tokenizer
    first, second = (run_inline(values_of(tmp_path / "mixtures", number)) for number in (1, 2))
    assert {name for name in tasks_run(first) if name.startswith("tokenizer")} == {"tokenizer.copy", "tokenizer.encode"}
    assert {*tasks_run(second)} == {*tasks_run(first)} - {"tokenizer.copy", "tokenizer.encode", "remix.count"}
    (index,) = artifact_files(second, "index")
    assert PackedDataset(index).shards.manifest.tokenizer_sha256 == hashlib.sha256(trained).hexdigest()


def test_the_folder(tmp_path: Path) -> None:
    config = configured_run(tmp_path / "in", min_tokens={"code": 400}, max_epochs={"web": 1, "books": 4, "code": 4})
    written = sampled(config, tmp_path / "mixtures", count=40, tokens=8000)
    ratios = read_ratios(tmp_path / "mixtures" / "ratios.csv")
    tokens = {d["domain"]: d["tokens"] for d in json.loads((tmp_path / "in/run/mixture.json").read_text())["domains"]}
    shares = np.array([tokens[name] for name in ratios.columns]) / sum(tokens.values())
    assert ratios.values[0] == pytest.approx(shares, abs=1e-6)
    by_name = dict(zip(ratios.columns, ratios.values.T, strict=True))
    assert by_name["web"].max() <= tokens["web"] / 8000 < 0.9
    assert by_name["code"].min() >= 400 / 8000 - 1e-9
    assert written.drawn.drawn_again > 0
    assert ratios.buckets == written.domains.buckets
    for number, weights in ((0, ratios.values[0]), (39, ratios.values[39])):
        remix = values_of(tmp_path / "mixtures", number)["stages"][0]["remix"]
        assert [*remix["weights"].values()] == pytest.approx(weights)
        assert remix["tokens"] == 8000 and remix["min_tokens"] == {"code": 400}
        run_inline(values_of(tmp_path / "mixtures", number))
    again = sampled(config, tmp_path / "again", count=40, tokens=8000)
    assert np.array_equal(again.drawn.points, written.drawn.points)


def test_domains_without_weight_are_not_mixed(tmp_path: Path) -> None:
    config = configured_run(tmp_path / "in", weights={"web": 0.5, "books": 0.5, "code": 0})
    sampled(config, tmp_path / "mixtures")
    assert read_ratios(tmp_path / "mixtures" / "ratios.csv").columns == ("books", "web")
    weights = values_of(tmp_path / "mixtures", 3)["stages"][0]["remix"]["weights"]
    assert weights["code"] == 0
    run_inline(values_of(tmp_path / "mixtures", 3))


def test_what_can_not_be_mixed(tmp_path: Path) -> None:
    documents = make_documents(60)
    plain = {"name": "mixed", "engine": "inline"}
    without = write_config(tmp_path / "a.yaml", {**plain, **make_config(tmp_path / "a", documents)})
    with pytest.raises(SampleError, match="no stage `remix`"):
        read_configured(parse_file(without))
    fresh = write_config(tmp_path / "b.yaml", {**plain, **make_config(tmp_path / "b", documents, remix={})})
    with pytest.raises(RunNotFoundError, match="`dspipe run` the config first"):
        read_configured(parse_file(fresh))
    config = configured_run(tmp_path / "in", max_epochs=2)
    with pytest.raises(SampleError, match="has mixed by domain, the config mixes by source"):
        read_configured(parse_file(config, ["stages.remix.by=source"]))
    with pytest.raises(SampleError, match="has phases"):
        read_configured(parse_file(config, ["stages.remix.phases=[{share: 1}]"]))
    with pytest.raises(SampleError, match="documents are kept of web alone"):
        read_configured(parse_file(config, ["stages.remix.weights={web: 1, books: 0, code: 0}"]))
    with pytest.raises(BoundsError, match=r"largest weights that the caps allow sum to 0\."):
        sampled(config, tmp_path / "mixtures", tokens=1e6)
    with pytest.raises(BoundsError, match="'code' is to have"):
        write_mixtures(
            parse_file(config, ["stages.remix.min_tokens={code: 9000}"]), 6, tmp_path / "mixtures", (1, 1), 9000, 0
        )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "metrics.csv").touch()
    with pytest.raises(SampleError, match="isn't empty"):
        sampled(config, tmp_path / "full")
