"""The list of hosts that a round leaves for a person, and what is written into it.

round: 1
hosts:
- host: "algebra.example"
  take: "?"            # true: seeds; false: negatives, never recalled; skip: let the classifier decide
  pages: 120
  recalled: 34
  prefixes:
  - prefix: "/wiki/"
    take: host         # as the host, or true, false, skip
    ...
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dspipe.pipeline.config.problems import InvalidConfigError, Problem, in_order, validation_problems
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.visible_text import visible_json
from dspipe.stages.quality.recall.config import parse_mapping
from dspipe.stages.quality.recall.decisions import OPEN, REFUSED, TAKEN, Rule

HOST, SKIP, UNDECIDED = "host", "skip", "?"
_HEAD = """\
# Hosts of which more than {share:.0%} of the pages were recalled in round {round}, those with the most first.
# Say of each what it is, and run `dspipe recall` again:
#   take: true   all its pages become seeds, and are recalled
#   take: false  all its pages become negatives, and are never recalled
#   take: skip   neither: the classifier decides page by page
# A path prefix may differ from its host: write true, false or skip in place of `host`. Prefixes may be added, also
# longer ones: the longest counts. `urls` are pages that were recalled, `others` are pages that were not.
"""


class _Pages(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: int = Field(0, ge=0)
    recalled: int = Field(0, ge=0)
    share: float = 0
    """of the pages that are recalled"""
    urls: list[str] = []
    others: list[str] = []


class ListedPrefix(_Pages):
    """Pages of a host whose paths begin alike."""

    prefix: str
    take: bool | Literal["host", "skip"] = "host"

    @field_validator("prefix")
    @classmethod
    def _begins_a_path(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("a path prefix begins with `/`, like /wiki/")
        return value


class ListedHost(_Pages):
    """A host, its pages outside of the listed prefixes shown as samples, and the prefixes."""

    host: str
    take: bool | Literal["?", "skip"] = "?"
    prefixes: list[ListedPrefix] = []


class HostList(BaseModel):
    """A round's list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round: int
    hosts: list[ListedHost]

    def undecided(self) -> list[str]:
        """The hosts of which nobody has said anything yet."""
        return [listed.host for listed in self.hosts if listed.take == UNDECIDED]

    def rules(self) -> Iterator[Rule]:
        """What was decided."""
        for listed in self.hosts:
            yield Rule(listed.host, "", _decision(listed.take))
            for prefix in listed.prefixes:
                if prefix.take != HOST:
                    yield Rule(listed.host, prefix.prefix, _decision(prefix.take))


def _decision(take: bool | str) -> int:
    return OPEN if isinstance(take, str) else TAKEN if take else REFUSED


def list_name(number: int) -> str:
    """The file of a round's list."""
    return f"hosts-round-{number}.yaml"


def read_list(store: Store, number: int) -> HostList:
    """A round's list as it was annotated. Raises InvalidConfigError with the lines of all mistakes."""
    name = store.path(list_name(number))
    try:
        data = store.read_bytes(list_name(number))
    except FileNotFoundError:
        again = f"remove {store.path(f'round-{number}.json')}, and the round writes it anew"
        raise InvalidConfigError([Problem("", f"is gone; put it back, or {again}", name)]) from None
    values, where = parse_mapping(data, name)
    try:
        return HostList.model_validate(values)
    except ValidationError as error:
        raise InvalidConfigError(in_order(validation_problems(error, (), where, values, HostList))) from None


def write_list(store: Store, listed: HostList, share: float) -> None:
    """Write a round's list for a person."""
    lines = [_HEAD.format(share=share, round=listed.round), f"round: {listed.round}\n", "hosts:"]
    lines.append("\n" if listed.hosts else " []\n")
    for host in listed.hosts:
        lines += [f"- host: {_quoted(host.host)}\n", f"  take: {_take(host.take)}\n", *_pages(host, "  ")]
        if host.prefixes:
            lines.append("  prefixes:\n")
        for prefix in host.prefixes:
            lines += [f"  - prefix: {_quoted(prefix.prefix)}\n", f"    take: {_take(prefix.take)}\n"]
            lines += _pages(prefix, "    ")
    store.write_bytes(list_name(listed.round), "".join(lines).encode("utf-8", "backslashreplace"))


def _pages(pages: _Pages, indent: str) -> Iterator[str]:
    for name in ("pages", "recalled"):
        yield f"{indent}{name}: {getattr(pages, name)}\n"
    yield f"{indent}share: {pages.share:.3f}\n"
    for name in ("urls", "others"):
        if urls := getattr(pages, name):
            yield f"{indent}{name}:\n"
            yield from (f"{indent}- {_quoted(url)}\n" for url in urls)


def carry_over(listed: HostList, before: HostList) -> HostList:
    """A list that is made anew, with the answers of the former one for the hosts and prefixes that are in both."""
    answers = {host.host: host for host in before.hosts}

    def carried(host: ListedHost) -> ListedHost:
        if (known := answers.get(host.host)) is None:
            return host
        of_prefix = {prefix.prefix: prefix for prefix in known.prefixes}
        prefixes = [
            prefix.model_copy(update={"take": of_prefix.pop(prefix.prefix).take})
            if prefix.prefix in of_prefix
            else prefix
            for prefix in host.prefixes
        ]
        # those that a person has added stay
        return host.model_copy(update={"take": known.take, "prefixes": [*prefixes, *of_prefix.values()]})

    return listed.model_copy(update={"hosts": [carried(host) for host in listed.hosts]})


def _take(take: bool | str) -> str:
    return ("true" if take else "false") if isinstance(take, bool) else f'"{take}"' if take == UNDECIDED else take


def _quoted(text: str) -> str:
    """A YAML string on one line, whatever a URL holds."""
    return visible_json(json.dumps(text, ensure_ascii=False))


def accept(listed: HostList, take: Callable[[str, str, float], bool | str]) -> HostList:
    """The list with an answer for each host that has none: `take(host, prefix, recalled share)` is asked for the host
    ("") and each prefix, and gives True, False or "skip"."""

    def answered(host: ListedHost) -> ListedHost:
        if host.take != UNDECIDED:
            return host
        whole = take(host.host, "", host.share)
        prefixes = [_answered(prefix, take(host.host, prefix.prefix, prefix.share), whole) for prefix in host.prefixes]
        return host.model_copy(update={"take": whole, "prefixes": prefixes})

    return listed.model_copy(update={"hosts": [answered(host) for host in listed.hosts]})


def _answered(prefix: ListedPrefix, take: bool | str, of_host: bool | str) -> ListedPrefix:
    return prefix if prefix.take != HOST or take == of_host else prefix.model_copy(update={"take": take})


def accept_above(share: float) -> Callable[[str, str, float], bool | str]:
    """For `accept`: take what is recalled to this share, and leave the rest to the classifier."""
    return lambda host, prefix, recalled: True if recalled >= share else SKIP


def all_rules(store: Store, rounds: Sequence[int]) -> list[Rule]:
    """What was decided after these rounds, in their order. Raises InvalidConfigError."""
    return [rule for number in rounds for rule in read_list(store, number).rules()]
