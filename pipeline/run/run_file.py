"""`run.json`: what is known of a run, for everything that looks at one afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dspipe.pipeline.config.discovery import OwnModuleError, make_stage
from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem
from dspipe.pipeline.config.wording import sentence
from dspipe.pipeline.config.yaml_lines import KeyPath, YamlError, parse_yaml
from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError, StorageError
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.phase_record import read_names
from dspipe.pipeline.run.summary import PhaseSummary, SourcePart
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store

RUN_FILE = "run.json"
PAGE_FILE = "page.html"
"""the page that shows the run, where the config asks for one"""


@dataclass(frozen=True)
class RunFile:
    """A run as far as it is: the phases that have ended, and the names of those to come."""

    name: str
    finished: bool
    shards: int
    left_out: dict[str, dict[str, int]]
    """files of each source that were left out, by kind"""
    phases: Sequence[PhaseSummary]
    to_come: Sequence[str]
    artifacts: dict[str, list[str]]
    """files by the artifact's name; not in `run.json`, but in the phases' own files of names"""

    def text_pass(self) -> PhaseSummary | None:
        """The first phase, in which documents are read; None before it has ended."""
        return self.phases[0] if self.phases else None

    def funnel(self) -> list[Funnel]:
        """The stages' parts of the funnel, in the order of the verdicts."""
        return [entry for phase in self.phases for entry in phase.funnel]

    def read_counts(self) -> tuple[int, int]:
        """Records read, and those of them that are in the quarantine."""
        first = self.text_pass()
        counters = first.counters if first else {}
        return counters.get("read", 0), counters.get("quarantined", 0)

    def skipped(self) -> dict[str, int]:
        """Records of the sources that are no documents, by kind."""
        first = self.text_pass()
        counters = first.counters if first else {}
        return {key.removeprefix("skipped."): n for key, n in counters.items() if key.startswith("skipped.")}

    def read_by_source(self) -> dict[str, SourcePart]:
        """What was read of each source."""
        first = self.text_pass()
        return first.sources if first else {}

    def funnel_by_source(self) -> dict[str, list[Funnel]]:
        """Each source's part of the funnel, in the order of the verdicts."""
        parts: dict[str, list[Funnel]] = {name: [] for name in self.read_by_source()}
        for phase in self.phases:
            for name, part in phase.sources.items():
                parts.setdefault(name, []).extend(part.funnel)
        return parts

    def funnel_by_domain(self) -> dict[str, list[Funnel]]:
        """Each domain's part of the funnel, in the order of the verdicts."""
        parts: dict[str, list[Funnel]] = {}
        for entry in self.funnel():
            for name, part in entry.of_domains().items():
                parts.setdefault(name, []).append(part)
        return parts

    def kept(self) -> Counts | None:
        """What the last stage has kept; None while nothing is decided."""
        funnel = self.funnel()
        return funnel[-1].kept if funnel else None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: value for name, value in vars(self).items() if name != "artifacts"}
        return {**values, "phases": [phase.as_json() for phase in self.phases]}

    @staticmethod
    def read(store: Store) -> "RunFile":
        """What `run.json` says, with the names of manifests and artifacts that it leads to.

        Raises DamagedFileError, FileNotFoundError, ValueError, KeyError, TypeError for files that aren't whole.
        """
        value = store.read_json(RUN_FILE)
        names = read_names(store, [phase["names"] for phase in value["phases"]])
        phases = [PhaseSummary.from_json(*phase) for phase in zip(value["phases"], (n for n, _ in names), strict=True)]
        artifacts = {name: files for _, made in names for name, files in made.items()}
        return RunFile(**{**value, "phases": phases, "artifacts": artifacts})


def read_run(root: str) -> tuple[Store, RunFile]:
    """A run's store and what its `run.json` says. Raises RunNotFoundError."""
    try:
        store = Store(root)
        there = store.exists(RUN_FILE)
    except (StorageError, UnavailableError) as error:
        raise RunNotFoundError(str(error)) from None
    if not there:
        raise RunNotFoundError(f"{root} holds no run (there is no {RUN_FILE}); give the `output` directory of a config")
    try:
        return store, RunFile.read(store)
    except (DamagedFileError, FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise RunNotFoundError(
            f"{root}/{RUN_FILE} isn't whole, or another version of dspipe wrote it ({type(error).__name__}: {error}); "
            f"`dspipe run` with the run's config makes it anew"
        ) from None


def published_name(file: str) -> str:
    """Under which name an artifact of one task also stands at the top: tokenizer.json of
    tokenizer.train/00000-0123456789ab.tokenizer.json."""
    return file.rpartition("/")[2].partition(".")[2]


def read_run_config(store: Store) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The values of the config that a run ran with, and the lines that they stand in. Raises InvalidConfigError."""
    try:
        values, lines = parse_yaml(store.read_bytes("config.yaml").decode())
    except FileNotFoundError:
        raise _unusable_config(store, "is gone") from None
    except (YamlError, UnicodeDecodeError):
        raise _unusable_config(store, "is cut or was changed") from None
    if not isinstance(values, dict):
        raise _unusable_config(store, "is cut or was changed")
    return values, lines


def _unusable_config(store: Store, what: str) -> InvalidConfigError:
    advice = "`dspipe run` with the run's config makes it anew"
    return InvalidConfigError([Problem("", f"{what}; {advice}", store.path("config.yaml"))])


@dataclass(frozen=True)
class ConfiguredStages:
    """The stages of a run, and the names of those that were left out, since their modules are the run's own."""

    known: tuple[Stage[Any], ...]
    left_out: tuple[str, ...]


def configured_stages(store: Store, import_own: bool) -> ConfiguredStages:
    """The stages of a run by the config that it ran. Raises InvalidConfigError.

    Only `import_own` imports the modules that this config names: whoever made the run decides what code is in them.
    """
    where, (values, _) = store.path("config.yaml"), read_run_config(store)
    try:
        seed, items = int(values["seed"]) if "seed" in values else 0, list(values["stages"])
    except (KeyError, TypeError, ValueError):
        raise _unusable_config(store, "is cut or was changed") from None
    known, left_out = [], []
    for index, item in enumerate(items):
        name, settings = next(iter(item.items())) if isinstance(item, dict) and item else (str(item), None)
        if "." in name and not import_own:
            left_out.append(name)
            continue
        try:
            known.append(make_stage(name, settings or {}, seed))
        except ValidationError as error:
            place = Locator(where, {}, {})
            raise InvalidConfigError(
                [
                    place.problem(("stages", index, name, *detail["loc"]), sentence(detail), values)
                    for detail in error.errors(include_url=False)
                ]
            ) from None
        except (KeyError, OwnModuleError) as error:
            raise InvalidConfigError([Problem(f"stages.{name}", f"isn't a stage here: {error}", where)]) from None
    return ConfiguredStages(tuple(known), tuple(left_out))
