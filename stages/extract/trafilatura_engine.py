"""Text from HTML with trafilatura, an optional package."""

from importlib.util import find_spec

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.extract.resiliparse_engine import MAX_DEPTH, count_markup


def require_trafilatura(key: str) -> None:
    """Raise ConfigError for the setting at `key` where trafilatura isn't installed."""
    if find_spec("trafilatura") is None:
        raise ConfigError("trafilatura isn't installed; do `pip install 'dspipe[trafilatura]'`", (key,))


def extract_with_trafilatura(page: str, markdown: bool) -> str:
    """The text of a page with its comments and tables, as is trafilatura's default. Raises ValueError for a page that
    would take minutes or gigabytes."""
    if count_markup(page).depth > MAX_DEPTH:
        raise ValueError(f"elements are nested more than {MAX_DEPTH:,} deep; trafilatura doesn't end on such pages")
    from trafilatura import extract

    return extract(page, output_format="markdown" if markdown else "txt") or ""
