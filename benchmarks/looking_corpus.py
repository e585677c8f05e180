"""Millions of short generated documents, and a finished run over them: what `benchmarks.looking` looks at.

Texts are made of common words in English, German and Chinese, so that the stages find languages, lengths and scores
to judge. Hosts are as skewed as the web's (Zipf), domains too; a few per cent of the documents are copies, word for
word or with another last sentence. A document is made by the shard's number and its row alone.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SHARD = 50_000
_POOL = 20_000
"""sentences of each language"""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_DOMAINS = ("web", "news", "forum", "shop", "science", "law", "books", "code", "poems")
_WORDS: dict[str, str] = {
    "en": (
        "the be to of and a in that have it for not on with he as you do at this but his by from they we say her she "
        "or an will my one all would there their what so up out if about who get which go me when make can like time "
        "no just him know take people into year your good some could them see other than then now look only come its "
        "over think also back after use two how our work first well way even new want because any these give day most"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
        "dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis "
        "mehr durch man sein wurde sei hatte kann gegen vom schon wenn seine Haus Zeit Jahr Stadt Land Frage Arbeit Weg"
    ),
    "zh": "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面",
}
_SHARES = {"en": 0.6, "de": 0.15, "zh": 0.25}


def write_corpus(directory: Path, documents: int, dumps: int = 4) -> list[dict[str, Any]]:
    """Write the shards, Parquet, and give the sources of a config: one a dump."""
    shards = -(-documents // SHARD)
    pools = [_sentences(language) for language in _WORDS]
    sentences = pa.chunked_array(pools).combine_chunks()
    for shard in range(shards):
        dump = f"dump-{shard * dumps // shards}"
        target = directory / dump / f"{shard:05d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_documents(shard, min(SHARD, documents - shard * SHARD), sentences), target)
    return _sources(directory)


def make_run(directory: Path, documents: int, name: str = "a", min_words: int = 30) -> str:
    """A finished run over a corpus of so many documents below `directory`, which is made where it isn't there; its
    output. What isn't looked at afterwards (exchanges, signatures' records) is removed."""
    from dspipe.api import run

    corpus = directory / "corpus"
    sources = write_corpus(corpus, documents) if not corpus.exists() else _sources(corpus)
    output = directory / name
    run(
        {
            "name": name,
            "output": str(output),
            "engine": "local",
            "sources": sources,
            "stages": [
                {"language": {"keep": {"en": 0.3, "de": 0.3, "zh": 0.3}}},
                {"heuristics": {"rules": ["gopher"], "gopher": {"min_words": min_words, "min_alphabetic_words": 0.5}}},
                {"exact_dedup": {}},
                {"minhash": {"bands": 4, "rows": 8}},
                {"remix": {"by": "domain", "temperature": 2}},
                {"tokenizer": {"train": {"vocab": 4000, "sample_bytes": 2e7}}},
                {"pack": {"length": 2048}},
            ],
        }
    )
    return str(output)


def _sources(corpus: Path) -> list[dict[str, Any]]:
    return [
        {"name": folder.name, "format": "parquet", "dump": folder.name, "path": f"{folder}/*.parquet"}
        for folder in sorted(corpus.glob("dump-*"))
    ]


def _sentences(language: str) -> pa.Array:
    """A pool of sentences of 4 to 24 words."""
    rng = np.random.default_rng([11, len(language), ord(language[0])])
    words = np.array(list(_WORDS[language]) if language == "zh" else _WORDS[language].split())
    lengths = rng.integers(4, 25, _POOL)
    ranks = (len(words) * rng.random(int(lengths.sum())) ** 2).astype(np.int64)
    between, stop = ("", "。") if language == "zh" else (" ", ".")
    taken = pa.ListArray.from_arrays(np.concatenate([[0], np.cumsum(lengths)]), pa.array(words[ranks]))
    return pc.binary_join_element_wise(pc.binary_join(taken, between), stop, "")


def _documents(shard: int, documents: int, sentences: pa.Array) -> pa.Table:
    """One shard: id, url, text, date, domain."""
    rng = np.random.default_rng([7, shard])
    languages = rng.choice(len(_WORDS), documents, p=list(_SHARES.values()))
    count = np.clip(rng.lognormal(1.6, 0.6, documents), 1, 40).astype(np.int64)
    first = rng.integers(0, 1 << 40, documents).astype(np.uint64)
    # a copy begins with the sentences of an earlier document; half of them end with another one
    copies = np.flatnonzero(rng.random(documents) < 0.08)
    copies = copies[copies > 0]
    earlier = (rng.random(len(copies)) * copies).astype(np.int64)
    languages[copies], count[copies], first[copies] = languages[earlier], count[earlier], first[earlier]
    starts = np.concatenate([[0], np.cumsum(count)])
    places = (np.arange(starts[-1]) - np.repeat(starts[:-1], count)).astype(np.uint64)
    mixed = (np.repeat(first, count) + places * _MIX) * _MIX >> np.uint64(20)
    changed = starts[1:][copies[rng.random(len(copies)) < 0.5]] - 1
    mixed[changed] += rng.integers(1, 1000, len(changed)).astype(np.uint64)
    chosen = np.repeat(languages, count) * _POOL + (mixed % np.uint64(_POOL)).astype(np.int64)
    taken = pa.ListArray.from_arrays(starts, sentences.take(pa.array(chosen)))
    hosts = np.minimum(rng.zipf(1.3, documents), 20_000)
    domains = np.array(_DOMAINS)[np.minimum(rng.zipf(1.8, documents) - 1, len(_DOMAINS) - 1)]
    number = np.arange(documents) + shard * SHARD
    return pa.table(
        {
            "id": [f"doc-{n}" for n in number],
            "url": [f"https://www.host{host}.example/{n % 97}/{n}" for host, n in zip(hosts, number, strict=True)],
            "text": pc.binary_join(taken, " "),
            "date": [f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in number.tolist()],
            "domain": domains,
        }
    )
