"""`dspipe stats` of packed shards alone, without their run."""

from pathlib import Path

from dspipe.cli.answers import make_console, refuse


def holds_run(place: str) -> bool:
    """Whether `dspipe stats` is to look for a run there: where one is, and at every address that isn't local."""
    if "://" in place:
        return True
    path = Path(place)
    return not path.exists() or (path / "run.json").exists() or (path / "config.yaml").exists()


def print_shard_stats(path: Path, tokenizer: Path | None, json: bool) -> None:
    """Print the statistics of shards; exit with a sentence where there are none, or they aren't whole."""
    from dspipe.stages.pack.statistics.count import count_shards
    from dspipe.stages.pack.statistics.find_files import find_shards
    from dspipe.stages.pack.statistics.show import TokenTexts, as_json, print_statistics
    from dspipe.tokenizer.encoder import TokenizerError

    try:
        shards = find_shards(path, tokenizer)
        texts = TokenTexts(shards.tokenizer)
        found = count_shards(shards)
    except (ValueError, OSError, TokenizerError) as error:
        refuse(str(error))
    if json:
        print(as_json(found, texts))
    else:
        print_statistics(found, texts, make_console())
