"""`dspipe stats` of packed shards alone, without their run."""

from pathlib import Path

from dspipe.cli.answers import make_console, refuse


def holds_run(place: str) -> bool:
    """Whether `dspipe stats` is to look for a run there: where one is, was, or nothing is."""
    if "://" in place:
        from dspipe.pipeline.errors import StorageError
        from dspipe.pipeline.storage.failures import UnavailableError
        from dspipe.pipeline.storage.store import Store

        try:
            return Store(place).exists("run.json")
        except (StorageError, UnavailableError):
            return True  # which says why it can't be asked
    path = Path(place)
    return not path.exists() or (path / "run.json").exists() or (path / "config.yaml").exists()


def print_shard_stats(place: str, tokenizer: Path | None, json: bool) -> None:
    """Print the statistics of shards; exit with a sentence where there are none, or they aren't whole."""
    if "://" in place:
        refuse(
            f"{place} holds no run (there is no run.json), and shards alone are read from files here: copy them first"
        )
    from dspipe.stages.pack.statistics.count import count_shards
    from dspipe.stages.pack.statistics.find_files import find_shards
    from dspipe.stages.pack.statistics.show import TokenTexts, as_json, print_statistics
    from dspipe.tokenizer.encoder import TokenizerError

    try:
        shards = find_shards(Path(place), tokenizer)
        texts = TokenTexts(shards.tokenizer)
        found = count_shards(shards)
    except (ValueError, OSError, TokenizerError) as error:
        refuse(str(error))
    if json:
        print(as_json(found, texts))
    else:
        print_statistics(found, texts, make_console())
