from pathlib import Path

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.storage.store import Store
from dspipe.stages.quality.recall.annotations import (
    HostList,
    ListedHost,
    ListedPrefix,
    accept,
    accept_above,
    carry_over,
    read_list,
    write_list,
)
from dspipe.stages.quality.recall.decisions import OPEN, REFUSED, TAKEN, Rule

ODD = "https://a.example/\"'\u202e\x1b[31m: #\n - ü/深"
LISTED = HostList(
    round=1,
    hosts=[
        ListedHost(
            host="a.example",
            pages=20,
            recalled=9,
            share=0.45,
            urls=[ODD],
            prefixes=[
                ListedPrefix(
                    prefix='/"ü: #/', pages=9, recalled=9, share=1, urls=[ODD], others=["https://a.example/x"]
                ),
                ListedPrefix(prefix="/b/", pages=4),
            ],
        ),
        ListedHost(host="1e5"),
    ],
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for listed in (LISTED, HostList(round=1, hosts=[]), accept(LISTED, accept_above(0.5))):
        write_list(store, listed, 0.1)
        assert read_list(store, 1) == listed
    assert b"\x1b" not in store.read_bytes("hosts-round-1.yaml")


def test_a_person_answers_and_a_machine_only_where_nobody_has() -> None:
    assert LISTED.undecided() == ["a.example", "1e5"]
    answered = accept(LISTED, accept_above(0.4))
    assert [host.take for host in answered.hosts] == [True, "skip"] and not answered.undecided()
    assert list(answered.rules()) == [
        Rule("a.example", "", TAKEN),
        Rule("a.example", "/b/", OPEN),
        Rule("1e5", "", OPEN),
    ]
    assert accept(answered, lambda *_: False) == answered
    assert next(iter(accept(LISTED, lambda *_: False).rules())) == Rule("a.example", "", REFUSED)


def test_answers_are_carried_over() -> None:
    more = LISTED.model_copy(update={"hosts": [*LISTED.hosts, ListedHost(host="new.example")]})
    carried = carry_over(more, accept(LISTED, accept_above(0.4)))
    assert [host.take for host in carried.hosts] == [True, "skip", "?"]
    assert [prefix.take for prefix in carried.hosts[0].prefixes] == ["host", "skip"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("take: host", "take: treu", r":\d+: hosts.0.prefixes.0.take: "),
        ('take: "?"', "take: ?", r":\d+: not valid YAML"),
        ('take: "?"', "taek: true", r":\d+: hosts.0.taek: unknown key; did you mean take"),
        ('prefix: "/b/"', "prefix: b", r":\d+: hosts.0.prefixes.1.prefix: .*a path prefix begins with `/`"),
    ],
)
def test_a_typo_is_shown_with_its_line(tmp_path: Path, before: str, after: str, message: str) -> None:
    store = Store(str(tmp_path))
    write_list(store, LISTED, 0.1)
    text = store.read_bytes("hosts-round-1.yaml").decode().partition("round: 1\n")
    store.write_bytes("hosts-round-1.yaml", (text[0] + text[1] + text[2].replace(before, after, 1)).encode())
    with pytest.raises(InvalidConfigError, match="hosts-round-1.yaml" + message):
        read_list(store, 1)
