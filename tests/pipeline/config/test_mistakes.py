"""Mistakes that people make in configs: each is refused before any work, in one sentence that names the place in the
file and says what would be right, and never in the words of the library that checks types."""

import gzip
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dspipe.api import plan
from dspipe.pipeline.config.problems import InvalidConfigError
from tests.stages.sources.test_warc import record
from tests.toys.tokenizer import tokenizer_json

FOREIGN = re.compile(
    r"[Ii]nput should|should have at least|[Vv]alid (string|integer|number|list|tuple|dictionary|boolean)"
    r"|[Ff]ield required"
    r"|value is not|pydantic|unable to (parse|interpret)|Traceback|Error\(|KeyError|should be greater|should be less"
    r"|instance of|extra inputs|Extra inputs|items? after validation|type=|parsing"
)
"""words of the validation library and of Python, which nobody should have to read"""

HEAD = "name: x\noutput: o\n"
JSONL = "{name: books, format: jsonl, path: in.jsonl, domain: books}"
FILES = "{name: notes, format: files, path: notes, domain: notes}"
WARC = "{name: web, format: warc, path: crawl.warc}"
WET = "{name: web, format: wet, path: crawl.warc.wet}"


@dataclass(frozen=True)
class Mistake:
    """A config that is right but for one thing, and words that the sentence about it must have."""

    words: tuple[str, ...]
    stages: tuple[str, ...] = ("exact_dedup",)
    sources: tuple[str, ...] = (JSONL,)
    top: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    """the whole file, where the mistake is in its form"""

    def write(self) -> str:
        if self.text is not None:
            return self.text
        top = {"name": "try", "output": "out", "engine": "inline", **self.top}
        lines = [f"{key}: {value}" for key, value in top.items() if value]
        lines += ["sources:", *(f"  - {source}" for source in self.sources)]
        return "\n".join([*lines, "stages:", *(f"  - {stage}" for stage in self.stages), ""])


def stage(text: str, *words: str, sources: tuple[str, ...] = (JSONL,)) -> Mistake:
    return Mistake(words, (text,), sources)


def source(text: str, *words: str) -> Mistake:
    return Mistake(words, sources=(text,))


def top(key: str, value: str, *words: str) -> Mistake:
    return Mistake(words, top={key: value})


def packing(tokenizer: str, pack: str, *words: str) -> Mistake:
    return Mistake(words, (f"tokenizer: {tokenizer}", f"pack: {pack}"))


TRAIN = "{train: {vocab: 300, sample_bytes: 1e6}}"

MISTAKES = {
    # the form of the file
    "not yaml": Mistake(("not valid YAML", "not closed"), text="name: x\noutput: y\nsources: [{\n"),
    "a tab": Mistake(("run.yaml:2", "tab"), text="name: x\n\toutput: y\n"),
    "an empty file": Mistake(("name, output, sources, stages",), text=""),
    "a list": Mistake(("name, output, sources, stages",), text="- name: x\n"),
    "a key twice": Mistake(("run.yaml:2", "name", "twice"), text="name: x\nname: y\n"),
    # top level
    "no name": top("name", "", "name", "missing"),
    "a name with spaces": top("name", "my run", "name", "letters, digits"),
    "no output": top("output", "", "output", "missing"),
    "no sources": Mistake(("run.yaml:4", "sources", "at least one"), text=f"{HEAD}stages: [lines]\nsources: []\n"),
    "no stages": Mistake(("run.yaml:5", "stages", "at least one"), text=f"{HEAD}sources:\n  - {JSONL}\nstages: []\n"),
    "stages is a mapping": Mistake(
        ("run.yaml:5", "stages", "list"), text=f"{HEAD}sources:\n  - {JSONL}\nstages: {{exact_dedup: {{}}}}\n"
    ),
    "sources is a mapping": Mistake(
        ("run.yaml:3", "sources", "list"), text=f"{HEAD}sources: {JSONL}\nstages: [exact_dedup]\n"
    ),
    "a misspelled key": top("sed", "3", "sed", "did you mean seed?"),
    "a seed in words": top("seed", "lucky", "seed", "'lucky'", "whole number"),
    "a negative seed": top("seed", "-1", "seed", "-1", "0 or more"),
    # engine
    "an unknown engine": top("engine", "spark", "engine", "'spark'", "local", "ray", "inline"),
    "a misspelled engine": top("engine", "locl", "engine", "did you mean local?"),
    "a misspelled setting of the engine": top("engine", "{wrokers: 3}", "engine.wrokers", "did you mean workers?"),
    "no workers": top("engine", "{kind: local, workers: 0}", "engine.workers", "0", "more than 0"),
    "memory without a unit": top("engine", "{memory: 100}", "engine.memory", "100 bytes", "100MB", "100GiB"),
    "memory in words": top("engine", "{memory: much}", "engine.memory", "'much'", "64MB or 2GiB"),
    "memory in billions": top("engine", "{memory: 2B}", "engine.memory", "'2B'", "2GB"),
    "a share in percent": top("engine", "{max_quarantined: 5}", "engine.max_quarantined", "5", "at most 1", "0.05"),
    "an address of no cluster": top("engine", "{kind: local, address: auto}", "engine", "address", "ray"),
    "a boolean in words": top("engine", "{keep_stale: maybe}", "engine.keep_stale", "'maybe'", "true or false"),
    "an endless deadline": top("engine", "{deadline: .inf}", "engine.deadline", "a finite number", "inf"),
    # numbers that are none
    "a threshold that is none": stage(
        "heuristics: {gopher: {min_mean_word_length: .nan}}",
        "run.yaml:7",
        "min_mean_word_length",
        "finite number",
        "nan",
    ),
    "a count that is endless": stage(
        "heuristics: {gopher: {max_top_2_gram: 1e999}}", "gopher.max_top_2_gram", "finite number", "inf"
    ),
    "an endless number in a mapping": stage("language: {keep: {en: .inf}}", "language.keep", "finite number", "inf"),
    # sources
    "no format": source("{name: a, path: in.jsonl}", "sources.a", "format", "jsonl"),
    "an unknown format": source("{name: a, format: cvs, path: in.jsonl}", "sources.a.format", "cvs", "jsonl"),
    "a misspelled format": source("{name: a, format: jsonlines, path: in.jsonl}", "format", "did you mean jsonl?"),
    "a format by its ending": source("{name: a, format: json, path: in.jsonl}", "format", "did you mean jsonl?"),
    "no path": source("{name: a, format: jsonl}", "sources.a.path", "missing"),
    "a path that isn't there": source(
        "{name: a, format: jsonl, path: inn.jsonl}", "sources.a.path", "inn.jsonl", "did you mean in.jsonl?"
    ),
    "a pattern without files": source(
        '{name: a, format: jsonl, path: "*.jsonl.zst"}', "sources.a.path", "matches no files"
    ),
    "a variable that isn't set": source("{name: a, format: jsonl, path: $NOWHERE_AT_ALL/x}", "NOWHERE_AT_ALL"),
    "a misspelled key of a source": source(
        "{name: a, format: jsonl, path: in.jsonl, domian: x}", "domian", "did you mean domain?"
    ),
    "a field that is no setting": source(
        "{name: a, format: jsonl, path: in.jsonl, fields: {txt: body}}", "fields.txt", "did you mean text?"
    ),
    "a text field as a list": source(
        "{name: a, format: jsonl, path: in.jsonl, fields: {text: [a, b]}}", "fields.text", "text, not a list"
    ),
    "two sources of a name": Mistake(("two sources are called books",), sources=(JSONL, JSONL)),
    "a folder of other files": source(
        "{name: a, format: parquet, path: notes}", "notes", "no file that is named like parquet"
    ),
    "warc given as wet": source("{name: a, format: wet, path: crawl.warc}", "format", "crawl.warc", "format: warc"),
    "wet given as warc": Mistake(
        ("sources.a.format", "crawl.warc.wet", "format: wet"),
        ("extract", "exact_dedup"),
        ("{name: a, format: warc, path: crawl.warc.wet}",),
    ),
    "json lines given as parquet": source(
        "{name: a, format: parquet, path: in.jsonl}", "format", "in.jsonl", "format: jsonl"
    ),
    "parquet given as json lines": source(
        "{name: a, format: jsonl, path: table.parquet}", "format", "table.parquet", "format: parquet"
    ),
    "text given as json lines": source(
        "{name: a, format: jsonl, path: notes/a.txt}", "format", "a.txt", "format: files"
    ),
    "one json document given as json lines": source(
        "{name: a, format: jsonl, path: array.json}", "format", "array.json", "one object a line"
    ),
    "text given as warc": Mistake(
        ("sources.a.format", "a.txt", "format: files"), ("extract",), ("{name: a, format: warc, path: notes/a.txt}",)
    ),
    "a field that no record has": source(
        "{name: a, format: jsonl, path: body.jsonl}", "fields.text", "'text'", "body, id"
    ),
    "a column that a table doesn't have": source(
        "{name: a, format: parquet, path: table.parquet}", "fields.text", "'text'", "content, key"
    ),
    "pages and no stage that extracts": Mistake(("sources.web.format", "extract"), sources=(WARC,)),
    # stages
    "an unknown stage": stage("deduplicate", "stages", "no such stage", "exact_dedup"),
    "a misspelled stage": stage("minhsh", "stages", "did you mean minhash?"),
    "two stages in one item": stage("{minhash: {}, lines: {}}", "one stage", "minhash", "lines"),
    "a stage twice": Mistake(("minhash", "twice"), ("minhash", "minhash")),
    "a misspelled setting": stage("minhash: {band: 14}", "stages.minhash.band", "did you mean bands?"),
    "a number in words": stage("minhash: {bands: many}", "stages.minhash.bands", "'many'", "whole number"),
    "a number out of bounds": stage("minhash: {bands: 0}", "stages.minhash.bands", "1 or more"),
    "a threshold above 1": stage("minhash: {threshold: 80}", "stages.minhash.threshold", "80", "at most 1", "0.8"),
    "settings as a list": stage("minhash: [14, 8]", "stages.minhash", "settings", "not a list"),
    "settings as a number": stage("minhash: 14", "stages.minhash", "settings", "14"),
    "a stage's module without a stage": stage("tests.toys: {}", "tests.toys", "holds no stage"),
    "a module that isn't there": stage("mine.stage: {}", "mine.stage", "PYTHONPATH"),
    "a module that can't be imported": stage(
        "broken_stage.mine: {}", "broken_stage/mine.py:3", "NameError", "undefined_name"
    ),
    "a module that isn't Python": stage("broken_stage.form: {}", "broken_stage/form.py:2", "SyntaxError"),
    "a module that imports what isn't there": stage(
        "broken_stage.lacks: {}", "broken_stage/lacks.py:1", "no_such_package"
    ),
    "language by its country": stage("language: {keep: [cn]}", "stages.language.keep", "cn", "did you mean zh"),
    "language by its name": stage(
        "language: {keep: {english: 0.5}}", "stages.language.keep", "english", "did you mean en"
    ),
    "language in capitals": stage("language: {keep: [EN]}", "stages.language.keep", "EN", "did you mean en"),
    "language with a region": stage("language: {keep: [zh-CN]}", "stages.language.keep", "zh-CN", "did you mean zh"),
    "a score above 1": stage("language: {keep: {en: 65}}", "stages.language.keep.en", "65", "at most 1", "0.65"),
    "a score in words": stage("language: {keep: {en: high}}", "stages.language.keep.en", "'high'", "number"),
    "a model that isn't there": stage("language: {model: lid.bin}", "stages.language.model", "lid.bin"),
    "a folder as a model": stage("language: {model: notes}", "stages.language.model", "notes", "is a folder"),
    "a file that is no model": stage("language: {model: notes/a.txt}", "stages.language.model", "a.txt"),
    "a folder as benchmarks": stage(
        "decontaminate: {against: notes}", "stages.decontaminate.against", "notes", "is a folder", "*.jsonl"
    ),
    "no benchmarks": stage("decontaminate: {against: []}", "stages.decontaminate.against", "at least one"),
    "a benchmark whose fields fit none": stage(
        "decontaminate: {against: odd.jsonl}", "against", "odd.jsonl", "line 1", "Stem", "fields"
    ),
    "a folder without lists": stage("urls: {block: notes}", "stages.urls.block", "notes", "domains, urls, words"),
    "nothing to block": stage("urls", "stages.urls", "block", "words"),
    "an unknown rule set": stage(
        "heuristics: {rules: [gofer]}", "stages.heuristics.rules", "'gofer'", "did you mean gopher?"
    ),
    "a rule set that isn't used": stage(
        "heuristics: {rules: [c4], gopher: {min_words: 3}}", "stages.heuristics", "gopher", "rules"
    ),
    "a misspelled rule": stage("heuristics: {gopher: {min_word: 3}}", "gopher.min_word", "did you mean min_words?"),
    "a domain that no source has": stage(
        "lines: {domains: [webb]}", "stages.lines.domains", "webb", "did you mean web?", sources=(WET,)
    ),
    "a domain in another case": stage(
        "lines: {domains: [Books]}", "stages.lines.domains", "Books", "did you mean books?"
    ),
    "weights that don't sum to 1": stage(
        "remix: {weights: {books: 0.5, web: 0.3}}",
        "stages.remix.weights",
        "0.8",
        "books: 0.625, web: 0.375",
        sources=(JSONL, WET),
    ),
    "weights in percent": stage(
        "remix: {weights: {web: 100}}", "stages.remix.weights", "100", "web: 1", sources=(WET,)
    ),
    "weights of a domain that no source has": stage(
        "remix: {weights: {web: 0.5, boks: 0.5}}", "stages.remix.weights", "boks", "web", sources=(WET,)
    ),
    "a domain without a weight": stage(
        "remix: {weights: {web: 1}}", "stages.remix.weights", "notes", "others: drop", sources=(WET, FILES)
    ),
    "multipliers of a domain that no source has": stage(
        "remix: {multipliers: {wbe: 2}}", "stages.remix.multipliers", "wbe", "did you mean web?", sources=(WET,)
    ),
    "two ways to mix": stage(
        "remix: {temperature: 2, unimax: true}", "stages.remix", "temperature", "unimax", "one of"
    ),
    "a budget in bytes": stage("remix: {tokens: 2GB}", "stages.remix.tokens", "'2GB'", "2e9"),
    "a tokenizer that isn't there": packing("{path: tokenizer.jsn}", "{}", "stages.tokenizer.path", "tokenizer.jsn"),
    "neither a path nor a training": packing("{}", "{}", "stages.tokenizer", "path", "train"),
    "a vocabulary that is too small": packing("{train: {vocab: 100}}", "{}", "stages.tokenizer.train.vocab", "256"),
    "a misspelled setting of the training": packing(
        "{train: {vocabulary: 300}}", "{}", "stages.tokenizer.train.vocabulary", "did you mean vocab?"
    ),
    "an end token that isn't there": packing(
        "{path: tokenizer.json}", '{end_token: "<|eot|>"}', "stages.pack.end_token", "<|eot|>", "</s>"
    ),
    "an end token that training doesn't make": packing(
        TRAIN, '{end_token: "<eos>"}', "stages.pack.end_token", "<eos>", "<｜end▁of▁sentence｜>"
    ),
    "pack without a tokenizer": stage("pack", "stages.pack", "tokenizer"),
    "an unknown format of rows": packing(
        TRAIN, "{format: webdataset}", "stages.pack.format", "megatron", "mds", "parquet"
    ),
    "rows of no length": packing(TRAIN, "{length: 0}", "stages.pack.length", "0", "2 or more"),
    "two ends": stage("minhash: {keep: [oldest, longest]}", "stages.minhash.keep", "oldest"),
    "an earlier run that isn't there": stage("minhash: {against: [nowhere]}", "stages.minhash.against", "nowhere"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the configs name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("mistakes")
    texts = [f"Some words that make a text, the number of which is {n}." for n in range(4)]
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": text, "id": text}) + "\n" for text in texts))
    (folder / "body.jsonl").write_text("".join(json.dumps({"body": text, "id": text}) + "\n" for text in texts))
    (folder / "odd.jsonl").write_text(json.dumps({"Stem": "a", "Answer": "b"}) + "\n")
    (folder / "array.json").write_text(json.dumps([{"text": text} for text in texts], indent=1))
    pq.write_table(pa.table({"content": texts, "key": texts}), folder / "table.parquet")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("A note.\n")
    (folder / "tokenizer.json").write_bytes(tokenizer_json(wide=False))
    http = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>A page."
    for name, kind, type, block in (
        ("crawl.warc", "response", "application/http; msgtype=response", http),
        ("crawl.warc.wet", "conversion", "text/plain", "A page."),
    ):
        content = record("warcinfo", b"a:") + record(kind, block.encode(), Content_Type=type)
        (folder / name).write_bytes(content if name.endswith(".warc") else gzip.compress(content))
    own = folder / "broken_stage"
    own.mkdir()
    (own / "__init__.py").write_text("")
    (own / "mine.py").write_text("from dspipe.pipeline.stage import MapConfig\n\nundefined_name(MapConfig)\n")
    (own / "form.py").write_text("import json\ndef f(:\n")
    (own / "lacks.py").write_text("import no_such_package\n")
    return folder


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_clear_sentence(mistake: Mistake, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    monkeypatch.syspath_prepend(str(data))
    (data / "run.yaml").write_text(mistake.write(), "utf-8")
    with pytest.raises(InvalidConfigError) as caught:
        plan("run.yaml")
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == 1, found
    assert found[0].startswith("run.yaml:"), found
    assert [word for word in mistake.words if word not in found[0]] == [], found
    assert not FOREIGN.search(found[0]), found
    assert "\n" not in found[0], found
    assert not (data / "out").exists()


def test_all_mistakes_of_a_config_are_named_at_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    text = Mistake(
        (),
        ("language: {keep: [cn]}", "minhash: {band: 3}", "lines: {domains: [wbe]}", "urls"),
        ("{name: a, format: jsonl, path: inn.jsonl}", "{name: b, format: wet, path: crawl.warc}", WET),
        {"sed": "3"},
    )
    (data / "run.yaml").write_text(text.write(), "utf-8")
    with pytest.raises(InvalidConfigError) as caught:
        plan("run.yaml")
    keys = [problem.key for problem in caught.value.problems]
    assert keys == [
        "sed", "sources.a.path", "sources.b.format", "stages.language.keep", "stages.minhash.band",
        "stages.lines.domains.0", "stages.urls",
    ]  # fmt: skip
