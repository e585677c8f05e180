"""Whether files of source code are well-formed, by the parsers that are at hand: Python's own.

The grammar is that of the Python that runs the task (`GRAMMAR`): what only an older one reads, such as Python 2's
`print` without brackets, is an error.
"""

import ast
import sys
import warnings

GRAMMAR = f"Python {sys.version_info.major}.{sys.version_info.minor}"
_MESSAGE_BYTES = 120


def python_error(text: str) -> str | None:
    """What is wrong with a Python file, as `line 3: invalid syntax`; None: nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError as error:
            return f"line {error.lineno}: {error.msg}"[:_MESSAGE_BYTES]
        except ValueError as error:  # a NUL
            return str(error)[:_MESSAGE_BYTES]
        except (RecursionError, MemoryError):  # what is nested too deep for the parser raises either
            return "nested too deep"
    return None
