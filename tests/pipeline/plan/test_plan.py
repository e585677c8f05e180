"""From a config to phases: their order, what is left out, what can't be ordered, and how shards are numbered."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import UnreachableError
from dspipe.pipeline.plan import plan as planning
from dspipe.pipeline.plan.plan import Plan, make_plan
from dspipe.pipeline.tasks import merge_exchange
from tests.engine import configured, planned
from tests.pipeline.run.test_run import config, corpus

TRAIN = {"tokenizer": {"train": {"vocab": 600, "special": 15, "pad_to": 640, "sample_bytes": 1e6}}}


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


def names(plan: Plan) -> list[str]:
    return [phase.name for phase in plan.phases]


def test_stages_run_in_the_order_of_the_config(toy: dict[str, Any]) -> None:
    unique = ["unique.emit", "unique.reduce", "unique.verdicts", "unique.report"]
    assert names(planned(toy)) == ["documents", "judge", *unique]
    toy["stages"].reverse()
    assert names(planned(toy)) == ["documents", *unique, "judge"]
    # neighbouring map stages judge in one phase, others in one of their own
    stages = [{"tests.toys.lengths": {}}, {"urls": {"words": ["x"]}}, {"tests.toys.unique": {}}, {"heuristics": {}}]
    assert names(planned({**toy, "stages": stages})) == ["documents", "judge", *unique, "judge-2"]


def test_a_phase_waits_for_what_a_later_stage_makes(toy: dict[str, Any]) -> None:
    found = names(planned({**toy, "stages": [{"remix": {}}, TRAIN, {"pack": {"length": 64}}]}))
    draw, encode = next(n for n in found if n.startswith("remix.draw")), "tokenizer.encode"
    assert found.index(encode) < found.index(draw) < found.index("pack.index")
    # without a tokenizer remix counts bytes, and waits for nothing
    assert names(planned({**toy, "stages": [{"remix": {}}]}))[0] == "documents"


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([{"pack": {}}], r"stages\.pack: needs .*which no stage of this config makes; add a stage `tokenizer`"),
        ([{"tests.toys.lengths": {}}, {"pack": {}}], r"stages\.pack: needs"),
    ],
)
def test_what_no_stage_makes_is_named(toy: dict[str, Any], stages: list[Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        planned({**toy, "stages": stages})


def test_phases_on_demand_are_there_when_asked_for(toy: dict[str, Any]) -> None:
    """The tokenizer is trained on what remix will draw, unless it is told not to; only then is a forecast made."""
    train = TRAIN["tokenizer"]["train"]
    found = []
    for weights in ("remix", "natural"):
        tokenizer = {"tokenizer": {"train": {**train, "weights": weights}}}
        found.append(set(names(planned({**toy, "stages": [{"remix": {}}, tokenizer]}))))
    assert {name.partition(".")[0] for name in found[0] - found[1]} == {"remix"}
    assert not found[1] - found[0]


def test_exchanges_with_many_senders_are_merged(toy: dict[str, Any], tmp_path: Path) -> None:
    corpus(tmp_path / "in", [[f"text {n}"] for n in range(20)])
    plan = planned({**toy, "engine": {"kind": "inline", "merge_above": 59}})  # 20 senders, 3 partitions
    phases = {phase.name: phase for phase in plan.phases}
    merge = phases["unique.emit.merge"]
    assert (merge.over, merge.group, plan.tasks(merge)) == ("sender_groups", 8, 3)
    assert names(plan).index("unique.emit.merge") == names(plan).index("unique.emit") + 1
    # the receivers are as many as before: 3 partitions, and then one for each shard
    assert (plan.tasks(phases["unique.reduce"]), plan.tasks(phases["unique.verdicts"])) == (3, 20)
    assert plan.tasks(phases["unique.report"]) == 1
    # 3 senders to 20 partitions are 60 as well
    assert phases["unique.reduce.merge"].group == 4
    unmerged = planned({**toy, "engine": {"kind": "inline", "merge_above": 60}})
    assert not [name for name in names(unmerged) if name.endswith(".merge")]


def test_of_large_groups_several_tasks_merge_a_range_of_partitions_each(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_exchange, "SENDERS_A_TASK", 1)
    corpus(tmp_path / "in", [[f"text {n}"] for n in range(20)])
    plan = planned({**toy, "engine": {"kind": "inline", "merge_above": 1}})
    merges = {phase.name: phase for phase in plan.phases if phase.over == "sender_groups"}
    to_3, to_20 = merges["unique.emit.merge"], merges["unique.reduce.merge"]
    assert (to_3.group, to_3.width, to_3.ranges, plan.tasks(to_3)) == (2, 2, 2, 20)
    assert (to_20.group, to_20.width, to_20.ranges, plan.tasks(to_20)) == (4, 4, 5, 5)


def source(tmp_path: Path, name: str, dump: str | None, files: int = 1) -> dict[str, Any]:
    folder = tmp_path / name
    folder.mkdir()
    for number in range(files):
        (folder / f"{number}.jsonl").write_text('{"text": "a"}\n')
    return {"name": name, "format": "jsonl", "path": str(folder)} | ({"dump": dump} if dump else {})


def test_shards_are_numbered_the_oldest_dump_first(toy: dict[str, Any], tmp_path: Path) -> None:
    listed = [("late", "2024-10"), ("none", None), ("early", "2013-20"), ("late2", "2024-10")]
    plan = planned({**toy, "sources": [source(tmp_path, name, dump, 2) for name, dump in listed]})
    assert [plan.config.sources[shard.source].config.name for shard in plan.shards] == [
        *["early"] * 2,
        *["late"] * 2,
        *["late2"] * 2,
        *["none"] * 2,
    ]
    assert [Path(shard.files[0].name).name for shard in plan.shards][:2] == ["0.jsonl", "1.jsonl"]
    assert plan.shards[0].bytes == len('{"text": "a"}\n')


def test_partitions_are_planned_from_the_bytes_there_are(toy: dict[str, Any], tmp_path: Path) -> None:
    toy["stages"] = [{"exact_dedup": {}}]
    small = planned(toy)
    (tmp_path / "in" / "big.jsonl").write_bytes(b"")
    with (tmp_path / "in" / "big.jsonl").open("r+b") as file:
        file.truncate(1 << 40)  # it has no blocks on the disk
    large = planned(toy)
    partitions = [max(phase.partitions for phase in plan.phases) for plan in (small, large)]
    assert partitions[0] < partitions[1]


def test_a_storage_that_cannot_be_asked(toy: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(source: Any) -> Any:
        raise UnreachableError("no route to host")

    monkeypatch.setattr(planning, "input_files", no_network)
    with pytest.raises(InvalidConfigError, match=r"sources\.toy\.path: cannot be listed: no route to host"):
        make_plan(configured(toy))
    plan = make_plan(configured(toy), tolerate_unreachable=True)
    assert plan.unreachable == ("toy: no route to host",)
    assert plan.shards == ()


def test_all_mistakes_of_all_sources_are_said(toy: dict[str, Any], tmp_path: Path) -> None:
    toy["sources"] = [{"name": n, "format": "jsonl", "path": str(tmp_path / n / "*.jsonl")} for n in ("one", "two")]
    with pytest.raises(InvalidConfigError) as caught:
        planned(toy)
    assert [problem.key for problem in caught.value.problems] == ["sources.one.path", "sources.two.path"]


def test_a_list_of_remote_files_needs_no_sizes(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "wet.paths.gz").write_bytes(gzip.compress(b"a.warc.wet.gz\nb.warc.wet.gz\n"))
    sizes = {"name": "cc", "format": "wet", "path": str(tmp_path / "wet.paths.gz"), "root": "memory://nothing/"}
    plan = make_plan(configured({**toy, "sources": [sizes]}), tolerate_unreachable=True)
    assert [file.size for shard in plan.shards for file in shard.files] == [None, None]
    assert [shard.bytes for shard in plan.shards] == [0, 0]
