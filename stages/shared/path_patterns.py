"""The local files that a path with wildcards stands for."""

from pathlib import Path

from dspipe.pipeline.errors import ConfigError


def files_matching(pattern: str | Path, key: tuple[str | int, ...] = ()) -> list[Path]:
    """The files, in order; `*`, `?` and `[...]` within a name, `**` for any folders. Raises ConfigError, with the key
    of the setting, for what is no pattern."""
    path = Path(pattern).expanduser()
    try:
        found = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        return sorted(file for file in found if file.is_file())
    except (ValueError, NotImplementedError, IndexError):
        raise ConfigError(f"{pattern} is no pattern of paths: `**` must stand alone between slashes", key) from None
