"""Variables of the environment in the paths of a config: `${CRAWL}/warc.paths`, `$HOME/models`."""

import os
import re
import sysconfig
from typing import Annotated

from pydantic import AfterValidator

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def expand_known(path: str) -> str:
    """The path with $NAME and ${NAME} of the environment replaced; those that aren't there stay as they are written.
    ${SITE_PACKAGES} is where this Python's packages are installed."""
    known = {"SITE_PACKAGES": sysconfig.get_path("purelib"), **os.environ}
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), path)


def unknown_variable(path: str) -> str | None:
    """The first variable of a path that the environment doesn't have."""
    match = _VARIABLE.search(expand_known(path))
    return (match[1] or match[2]) if match else None


def no_such(what: str, path: str) -> str:
    """The message for a path at which there is nothing: `no model file ${ASSETS}/x.bin: there is no environment
    variable ASSETS`."""
    unknown = unknown_variable(path)
    return f"no {what} {path}" + (f": there is no environment variable {unknown}" if unknown else "")


FilePath = Annotated[str, AfterValidator(expand_known)]
"""A setting that is the path of a file that a stage reads. Variables are replaced where the config is read, since
workers on other machines have other environments. One that isn't there is no mistake yet: a finished run is looked at
without its models."""
