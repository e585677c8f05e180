"""The local files that a path with wildcards, or with `{language}` in it, stands for."""

from pathlib import Path

from dspipe.pipeline.environment import no_such
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


def files_by_language(given: str | dict[str, str], key: str) -> dict[str, Path]:
    """language -> file, for a path with `{language}` in it or a path for each. Raises ConfigError."""
    if isinstance(given, str):
        path = Path(given).expanduser()
        before, mark, after = str(path).partition("{language}")
        if not mark or "{language}" in after:
            raise ConfigError("a path has {language} in it once; or give a path for each language", (key,))
        found = files_matching(f"{before}*{after}", (key,))
        files = {str(file)[len(before) : len(str(file)) - len(after)]: file for file in found}
        if not files:
            raise ConfigError(no_such("such file:", given), (key,))
        return files
    files = {language: Path(path).expanduser() for language, path in sorted(given.items())}
    for language, path in files.items():
        if not path.is_file():
            raise ConfigError(no_such("such file:", str(path)), (key, language))
    return files
