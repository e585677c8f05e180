import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.verify.shards import verify_run
from tests.engine import run_inline, tasks_run
from tests.stages.pack.runs import BEGIN, END, PAD, make_config, make_documents
from tests.toys.tokenizer import WIDE_PAD

Copy = tuple[str, int]  # a document's id and which copy of it
Streams = dict[Copy, list[int]]

MIDDLE = {"prefix": 259, "suffix": 260, "middle": 261}


def packed(
    folder: Path, documents: list[dict[str, str]], files: int = 3, **settings: Any
) -> tuple[PackedDataset, dict[str, Any]]:
    run_inline(make_config(folder, documents, files, **settings))
    report = verify_run(folder / "run", sample=200)
    assert report.problems == []
    return PackedDataset(folder / "run"), json.loads((folder / "run" / "index.json").read_text())


def documents_in(data: PackedDataset) -> tuple[Streams, dict[Copy, int]]:
    """All segments put together again: (id, copy) -> tokens of the document's stream."""
    streams: dict[Copy, dict[int, list[int]]] = {}
    total: dict[Copy, int] = {}
    for shard in range(len(data.shards.parts)):
        table, rows = data.shards.table(shard), data.shards.tokens(shard)
        for row in range(len(rows)):
            for segment in range(table.segments(row).start, table.segments(row).stop):
                document = int(table.segment_document[segment])
                name = table.documents.id(document), int(table.documents.copy[document])
                start, column = int(table.segment_start[segment]), int(table.segment_column[segment])
                stream = streams.setdefault(name, {})
                assert start not in stream
                stream[start] = rows[row][column : column + int(table.segment_length[segment])].tolist()
                total[name] = int(table.documents.tokens[document])
    joined = {name: [token for start in sorted(parts) for token in parts[start]] for name, parts in streams.items()}
    return joined, total


def plain(document: dict[str, str]) -> list[int]:
    return [*document["text"].encode(), END]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("length", [7, 64, 5000])
def test_split_keeps_every_token(tmp_path: Path, length: int, wide: bool) -> None:
    documents = make_documents()
    data, index = packed(tmp_path, documents, length=length, wide=wide)
    streams, _ = documents_in(data)
    assert streams == {(d["id"], 0): plain(d) for d in documents if d["text"]}
    assert index["dtype"] == ("uint32" if wide else "uint16")
    assert index["empty_documents"] == sum(not d["text"] for d in documents)
    assert index["tokens"] + index["padding"] == index["rows"] * length
    assert index["padding"] < length
    assert index["documents"] == len(streams)


@pytest.mark.parametrize("mode", ["split", "best_fit", "aligned"])
def test_padding_that_needs_32_bits(tmp_path: Path, mode: str) -> None:
    documents = make_documents()
    data, index = packed(tmp_path, documents, length=64, mode=mode, wide=True)
    assert index["pad_token"] == WIDE_PAD
    shards = [data.shards.tokens(number) for number in range(len(index["parts"]))]
    assert sum(int((rows[i] == WIDE_PAD).sum()) for rows in shards for i in range(len(rows))) == index["padding"]
    (tmp_path / "b").mkdir()
    run_inline(make_config(tmp_path / "b", [{"id": "a", "domain": "web", "text": ""}], 1, mode=mode, wide=True))


def test_rows_are_the_shuffled_stream(tmp_path: Path) -> None:
    documents = make_documents()
    data, _ = packed(tmp_path, documents, length=50)
    flat = np.concatenate([data.shards.tokens(s) for s in range(len(data.shards.parts))]).reshape(-1).tolist()
    table = data.shards.table(0)
    order = [table.documents.id(i) for i in dict.fromkeys(table.segment_document.tolist())]
    texts = {d["id"]: plain(d) for d in documents}
    expected = [token for name in order for token in texts[name]]
    assert flat[: len(expected)] == expected
    given = [d["id"] for d in documents if d["text"]]
    assert order != given
    assert sorted(order) == sorted(given)
    # far from the order given: mean distance of a random permutation is a third of the count
    given_index = {name: i for i, name in enumerate(given)}
    moved = np.mean([abs(given_index[name] - i) for i, name in enumerate(order)])
    assert moved > len(given) / 5


def test_without_shuffle_documents_stay_in_order(tmp_path: Path) -> None:
    documents = make_documents(40)
    data, _ = packed(tmp_path, documents, files=1, length=50, shuffle=False)
    flat = np.concatenate([data.shards.tokens(s) for s in range(len(data.shards.parts))]).reshape(-1).tolist()
    expected = [token for d in documents if d["text"] for token in plain(d)]
    assert flat[: len(expected)] == expected
    assert set(flat[len(expected) :]) <= {PAD}


def test_without_shuffle_each_input_shard_is_packed_by_itself(tmp_path: Path) -> None:
    documents = make_documents(90)
    data, index = packed(tmp_path, documents, files=3, length=50, shuffle=False)
    streams = [[token for d in documents[number::3] if d["text"] for token in plain(d)] for number in range(3)]
    assert [part["rows"] for part in index["parts"]] == [len(stream) // 50 for stream in streams] + [
        -(-sum(len(stream) % 50 for stream in streams) // 50)
    ]
    for number, stream in enumerate(streams):
        flat = np.concatenate([data.shards.tokens(number)[row] for row in range(len(data.shards.tokens(number)))])
        assert flat.tolist() == stream[: len(flat)]
    tail = np.concatenate([data.shards.tokens(3)[row] for row in range(index["parts"][3]["rows"])]).tolist()
    left = [token for stream in streams for token in stream[len(stream) // 50 * 50 :]]
    assert tail == left + [PAD] * (len(tail) - len(left))


@pytest.mark.parametrize("mode", ["best_fit", "aligned"])
def test_without_shuffle_in_other_modes(tmp_path: Path, mode: str) -> None:
    documents = make_documents(90)
    data, index = packed(tmp_path, documents, files=3, length=50, shuffle=False, mode=mode)
    streams, _ = documents_in(data)
    assert streams.keys() == {(d["id"], 0) for d in documents if d["text"]}
    assert len(index["parts"]) == 3


def test_a_shard_added_in_front_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    """Its number is in no task's key but that of a partition: rows without a shuffle, and what is sent with one."""
    for shuffle, phase in ((False, "pack.rows"), (True, "pack.scatter")):
        folder = tmp_path / phase
        config = make_config(folder, make_documents(), 3, length=50, shuffle=shuffle)
        config["stages"][-1]["pack"]["shard_bytes"] = "1GB"
        run_inline(config)
        (folder / "part--.jsonl").write_text(json.dumps({"id": "new", "domain": "web", "text": "first"}) + "\n")
        assert tasks_run(run_inline(config))[phase] == 1


@pytest.mark.parametrize("mode", ["split", "best_fit", "aligned"])
def test_many_partitions(tmp_path: Path, mode: str) -> None:
    documents = make_documents(3000, longest=200)
    data, index = packed(tmp_path, documents, length=256, shard_bytes=65536, mode=mode)
    streams, total = documents_in(data)
    texts = {d["id"]: plain(d) for d in documents}
    assert len(index["parts"]) >= 6
    if mode == "aligned":
        assert all(texts[name][: len(stream)] == stream for (name, _), stream in streams.items())
        assert index["cropped"] == sum(total[name] - len(stream) for name, stream in streams.items())
        assert index["padding"] < 256 * len(index["parts"])
        for shard in range(len(data.shards.parts)):
            assert (data.shards.table(shard).segment_start == 0).all()
    else:
        assert streams == {(d["id"], 0): texts[d["id"]] for d in documents if d["text"]}
    if mode == "best_fit":
        assert index["cut"] == 1  # the one longer than a row
        assert index["padding"] < 0.03 * index["tokens"]


def test_aligned_rows_begin_with_the_begin_token(tmp_path: Path) -> None:
    data, index = packed(tmp_path, make_documents(), length=64, mode="aligned", begin=True)
    for sample in data:
        assert sample["tokens"][0] == BEGIN
        starts = np.flatnonzero(np.diff(sample["document_ids"], prepend=-1) * (sample["document_ids"] >= 0))
        assert (sample["tokens"][starts] == BEGIN).all()
    assert index["begin_token"] == BEGIN


def test_the_remainder_can_be_dropped(tmp_path: Path) -> None:
    documents = make_documents()
    _, padded = packed(tmp_path / "a", documents, length=64)
    _, dropped = packed(tmp_path / "b", documents, length=64, remainder="drop")
    assert padded["rows"] == dropped["rows"] + 1
    assert dropped["padding"] == 0
    assert dropped["dropped"] + dropped["tokens"] == padded["tokens"]


def test_copies_of_a_document_are_apart(tmp_path: Path) -> None:
    documents = make_documents(300)
    data, index = packed(tmp_path, documents, length=64, remix={"unimax": True, "max_epochs": 3})
    streams, _ = documents_in(data)
    texts = {d["id"]: plain(d) for d in documents}
    assert all(stream == texts[name] for (name, _), stream in streams.items())
    times = Counter(name for name, _ in streams)
    assert set(times.values()) > {1}
    for name, count in times.items():
        assert {copy for other, copy in streams if other == name} == set(range(count))
    assert index["mixture_sha256"]


def test_phases_of_a_mixture_follow_each_other(tmp_path: Path) -> None:
    documents = make_documents(900)
    phases = [
        {"share": 0.7, "weights": {"web": 1.0, "books": 0.0, "code": 0.0}},
        {"share": 0.3, "weights": {"web": 0.0, "books": 0.0, "code": 1.0}},
    ]
    data, index = packed(tmp_path, documents, length=64, remix={"phases": phases, "tokens": 12_000})
    domains = [data.domains[sample["domain"]] for sample in data]
    assert Counter(domains).keys() == {"web", "code"}
    change = domains.index("code")
    assert set(domains[:change]) == {"web"}
    assert set(domains[change:-1]) == {"code"}
    assert change / len(domains) == pytest.approx(0.7, abs=0.05)
    assert index["domains"].keys() == {"web", "code"}


@pytest.mark.parametrize("second_form", [0.0, 1.0])
def test_fill_in_the_middle(tmp_path: Path, second_form: float) -> None:
    documents = make_documents(400)
    middle = {"rate": 0.5, "second_form": second_form, "domains": ["code"]}
    data, index = packed(tmp_path, documents, length=64, fill_in_the_middle=middle, mode="best_fit")
    streams, _ = documents_in(data)
    rearranged = 0
    for document in documents:
        stream = streams.get((document["id"], 0))
        text = document["text"].encode()
        if stream is None or stream == plain(document):
            continue
        assert document["domain"] == "code"
        rearranged += 1
        assert stream[0] == MIDDLE["prefix"]
        suffix_at, middle_at = stream.index(MIDDLE["suffix"]), stream.index(MIDDLE["middle"])
        first, second = stream[1:suffix_at], stream[suffix_at + 1 : middle_at]
        third = stream[middle_at + 1 : -1]
        # the first form gives prefix, suffix, middle; the second suffix and then prefix with middle
        assert bytes(first + third + second) == text
        assert bool(second_form) == (suffix_at == 1) or not first
    code = sum(d["domain"] == "code" and d["text"] != "" for d in documents)
    assert rearranged == index["rearranged"]
    assert abs(rearranged - code / 2) < 3 * (code / 4) ** 0.5
    assert verify_run(tmp_path / "run", sample=1000).checked["round trips"] > 0


def test_fill_in_the_middle_at_characters(tmp_path: Path) -> None:
    """With a tokenizer of words, whose tokens a cut at a character breaks; in a run, as `repositories` makes it."""
    texts = [
        f"def function_{n}(argument):\n    return argument + {n}  # été 中文 😀\n" * (1 + n % 5) for n in range(60)
    ]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"id": str(n), "text": t}) + "\n" for n, t in enumerate(texts))
    )
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl"), "domain": "code"}
    train = {"train": {"vocab": 400, "special": 15, "pad_to": 512, "sample_bytes": 1_000_000}}
    streams: dict[str, list[tuple[int, list[int]]]] = {}
    for name, settings in (
        ("token", {"cuts": "token"}),
        ("character", {"cuts": "character"}),
        ("again", {"cuts": "character"}),
        ("in order", {"cuts": "character"}),
    ):
        pack = {"length": 512, "mode": "best_fit", "shuffle": name != "in order", "fill_in_the_middle": settings}
        engine = {"kind": "inline", "batch_rows": 7 if name == "again" else 1000}
        config = {"output": str(tmp_path / name), "sources": [source], "stages": [{"tokenizer": train}, {"pack": pack}]}
        run_inline(config, engine=engine)
        model = Tokenizer.from_file(str(next((tmp_path / name).rglob("tokenizer.json"))))
        data = PackedDataset(tmp_path / name)
        found, _ = documents_in(data)
        first, hole, end = (int(model.token_to_id(f"<｜fim▁{x}｜>") or -1) for x in ("begin", "hole", "end"))
        within = 0
        for (id, _), stream in found.items():
            parts = {"": stream[:-1]}
            if stream[0] == first:
                middle_at, end_at = stream.index(hole), stream.index(end)
                parts = {
                    "prefix": stream[1:middle_at],
                    "middle": stream[end_at + 1 : -1],
                    "suffix": stream[middle_at + 1 : end_at],
                }
                whole = model.encode(texts[int(id)], add_special_tokens=False).ids
                within += parts["prefix"] + parts["middle"] + parts["suffix"] != whole
            written = [model.decode(tokens, skip_special_tokens=False) for tokens in parts.values()]
            assert "".join(written) == texts[int(id)]
            # each part has the tokens that it has by itself
            if name != "token":
                assert [model.encode(text, add_special_tokens=False).ids for text in written] == [*parts.values()]
        rearranged = json.loads((tmp_path / name / "index.json").read_text())["rearranged"]
        assert 20 <= rearranged <= 40
        assert (within > rearranged / 2) if name != "token" else within == 0
        streams[name] = sorted((int(id), stream) for (id, _), stream in found.items())
        checked = verify_run(str(tmp_path / name))
        assert not checked.problems
        assert checked.checked["round trips"] > 0
    assert streams["character"] == streams["again"] == streams["in order"]


def test_cuts_at_characters_and_special_tokens_in_texts(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}
    tokenizer = {"special_in_text": True, "train": {"vocab": 400, "special": 15}}
    stages = [{"tokenizer": tokenizer}, {"pack": {"fill_in_the_middle": {"cuts": "character"}}}]
    with pytest.raises(InvalidConfigError, match="special_in_text"):
        run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": stages})


def files_of(folder: Path) -> tuple[list[bytes], dict[str, Any]]:
    index = json.loads((folder / "run" / "index.json").read_text())
    contents = [(folder / "run" / file["name"]).read_bytes() for p in index["parts"] for file in p["files"].values()]
    return contents, index


def test_same_bytes_for_any_workers_and_memory(tmp_path: Path) -> None:
    documents = make_documents(1500, longest=200)
    settings: dict[str, Any] = {"length": 128, "shard_bytes": 65536, "remix": {"temperature": 2}}
    run_inline(make_config(tmp_path / "a", documents, **settings))
    run_inline(make_config(tmp_path / "b", documents, **settings), engine={"kind": "inline", "memory": 1 << 27})
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_blocks_of_rows_are_those_of_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dspipe.stages.pack.partition import Partition

    documents = make_documents(300)
    run_inline(make_config(tmp_path / "a", documents, length=32))
    fill_blocks = Partition.fill_blocks

    def fill_small_blocks(*arguments: Any) -> Any:
        return fill_blocks(*arguments[:-1], 1000)  # type: ignore[call-arg]  # the arguments as they came

    monkeypatch.setattr(Partition, "fill_blocks", fill_small_blocks)
    run_inline(make_config(tmp_path / "b", documents, length=32))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_nothing_to_pack(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path, [{"id": "a", "domain": "web", "text": ""}], files=1))
    index = json.loads((tmp_path / "run" / "index.json").read_text())
    assert (index["rows"], index["parts"], index["empty_documents"]) == (0, [], 1)
    assert verify_run(tmp_path / "run").ok


def test_a_row_longer_than_all_documents(tmp_path: Path) -> None:
    data, index = packed(tmp_path, [{"id": "a", "domain": "web", "text": "abc"}], files=1, length=100)
    assert (index["rows"], index["padding"]) == (1, 96)
    assert data[0]["tokens"][:4].tolist() == [*b"abc", END]
    (tmp_path / "b").mkdir()
    run_inline(make_config(tmp_path / "b", [{"id": "a", "domain": "web", "text": "abc"}], 1, remainder="drop"))
    index = json.loads((tmp_path / "b" / "run" / "index.json").read_text())
    assert (index["rows"], index["dropped"], index["dropped_documents"]) == (0, 4, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"end_token": "<nope>"}, "the tokenizer has none of <nope>; its special tokens are <s>, </s>"),
        ({"fill_in_the_middle": {"tokens": ["<a>", "<b>", "<c>"]}}, "none of <a>"),
    ],
)
def test_tokens_that_are_not_there(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RunFailedError, match=message) as caught:
        run_inline(make_config(tmp_path, make_documents(10), **settings))
    assert caught.value.user


def test_one_id_twice(tmp_path: Path) -> None:
    documents = [{"id": "same", "domain": "web", "text": text} for text in ("first", "second")]
    _, index = packed(tmp_path, documents, files=1, length=20)
    assert index["documents"] == 2
