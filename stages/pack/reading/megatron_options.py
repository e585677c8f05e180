"""What Megatron-LM must be told to read packed shards row by row: the options of its command line.

Its samples are stretches of `--seq-length` tokens of all its documents, in an order of its own, and the token after
each. Rows are its documents. So with the rows' own length every sample is a row, and the row that happens to come next
gives the label of its last token. Documents within a row are told apart by the end token, which Megatron asks the
tokenizer for.
"""

from pathlib import Path

from dspipe.stages.pack.reading.shard_files import ShardError, Shards

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def list_options(path: Path | str) -> list[str]:
    """The options for a run's shards, or for those that an `index.json` names. Raises ShardError where they are of
    another format, or not on this machine."""
    if "://" in str(path):
        raise ShardError(f"Megatron reads files of this machine; copy {path} to it first")
    shards = Shards(path)
    manifest = shards.manifest
    if manifest.format != "megatron":
        raise ShardError(f"{shards.path} names {manifest.format} shards; Megatron reads those of `format: megatron`")
    prefixes = []
    for number, part in enumerate(shards.parts):
        rows, index = (shards.local_path(number, suffix).resolve().with_suffix("") for suffix in (".bin", ".idx"))
        if rows != index:
            raise ShardError(f"{rows}.bin and {index}.idx must stand side by side, under one name")
        if " " in str(rows):
            raise ShardError(f"Megatron divides its data path at blanks, which {rows} has: move or link it")
        prefixes.append(f"{part.rows} {rows}")
    return [
        f"--data-path {' '.join(prefixes)}",
        f"--seq-length {manifest.row_length}",
        f"--max-position-embeddings {manifest.row_length}",
        "--reset-position-ids --reset-attention-mask --eod-mask-loss",
        *_tokenizer_options(Path(shards.path).parent.resolve()),
    ]


def _tokenizer_options(folder: Path) -> list[str]:
    if all((folder / name).is_file() for name in TOKENIZER_FILES):
        return [f"--tokenizer-type HuggingFaceTokenizer --tokenizer-model {folder}"]
    return []
