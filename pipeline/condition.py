"""Conditions on columns, as people write them: `language = 'zh' and quality > 0.9`.

The language is SQL's expressions without subqueries: `and or not = != < <= > >= + - * / in between like ilike is null`,
`length(x)`, `lower(x)`, `regexp_matches(x, 'RE2')`, brackets. Names of columns may hold dots (`heuristics.words`);
others stand in double quotes. As in SQL, what compares with a null is neither true nor false, and is not chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from dspipe.pipeline.config.suggestions import near

Value = Any
"""of pyarrow: an array or a scalar"""
_COMPARE: dict[type[exp.Expr], str] = {
    exp.EQ: "equal",
    exp.NEQ: "not_equal",
    exp.GT: "greater",
    exp.GTE: "greater_equal",
    exp.LT: "less",
    exp.LTE: "less_equal",
}
_COMPUTE: dict[type[exp.Expr], str] = {exp.Add: "add", exp.Sub: "subtract", exp.Mul: "multiply"}


class ConditionError(Exception):
    """What somebody wrote is no condition on these columns: a sentence that says where, and what was meant."""


@dataclass(frozen=True)
class Condition:
    """A condition on the columns of a table."""

    text: str
    columns: tuple[str, ...]
    """the columns that it reads, each once"""
    _root: exp.Expr
    _names: Mapping[int, str]
    """the column that a node of the tree names, by the node's identity"""

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """For each row whether it is chosen (never null); `batch` has at least `columns`. Raises ConditionError where
        values can't be compared."""
        try:
            found = self._value(self._root, batch)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            what = str(error).partition("\n")[0]
            raise ConditionError(f"`{self.text}` compares what can't be compared: {what}") from None
        if isinstance(found, pa.Scalar):
            found = pa.repeat(found, batch.num_rows)
        if pa.types.is_null(found.type):
            found = found.cast(pa.bool_())
        if not pa.types.is_boolean(found.type):
            raise ConditionError(f"`{self.text}` is no condition: it gives {found.type}, neither true nor false")
        return pc.fill_null(found, pa.scalar(False))

    def _value(self, node: exp.Expr, batch: pa.RecordBatch) -> Value:
        if (name := self._names.get(id(node))) is not None:
            return _plain(batch.column(name))
        make = _WRITTEN.get(type(node)) or next((f for kind, f in _WRITTEN.items() if isinstance(node, kind)), None)
        if make is None:
            raise ConditionError(
                f"`{self.text}`: {node.sql()} isn't understood; `dspipe help conditions` lists what is"
            )
        return make(node, lambda part: self._value(part, batch))


def parse_condition(text: str, known: Mapping[str, pa.DataType]) -> Condition:
    """A condition on columns of these names and types; its types are tried on no rows. Raises ConditionError."""
    try:
        root = parse_one(text, read="duckdb")
        names = _name_columns(root, known)
    except SqlglotError as error:
        raise ConditionError(f"`{text}` isn't a condition: {_where(error)}") from None
    except RecursionError:
        raise ConditionError(f"`{text[:80]}...` is nested too deeply") from None
    condition = Condition(text, tuple(dict.fromkeys(names.values())), root, names)
    none = [pa.array([], known[name]) for name in condition.columns]
    condition.mask(pa.RecordBatch.from_arrays(none, names=list(condition.columns)))
    return condition


def _where(error: SqlglotError) -> str:
    for found in getattr(error, "errors", ()):
        return f"{found['description']} at `{found['highlight']}`"
    return str(error).partition("\n")[0]


def _name_columns(node: exp.Expr, known: Mapping[str, Any]) -> dict[int, str]:
    """The column that each node names that names one, by the node's identity."""
    if not isinstance(node, exp.Column | exp.Dot):
        return {place: name for child in node.iter_expressions() for place, name in _name_columns(child, known).items()}
    name = ".".join(part.name for part in node.parts)
    if name in known:
        return {id(node): name}
    close = near(name, known)
    hint = f"did you mean {close}?" if close else f"there are: {', '.join(sorted(known))}"
    raise ConditionError(f"there is no column {name}; {hint}")


def _plain(column: pa.Array) -> pa.Array:
    """Without a dictionary: pyarrow compares few kinds of values with dictionaries."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


Part = Callable[[exp.Expr], Value]


def _call(name: str) -> Callable[[Any, Part], Value]:
    return lambda node, part: pc.call_function(name, [part(node.this), part(node.expression)])


def _literal(node: exp.Literal, part: Part) -> Value:
    if node.is_string:
        return pa.scalar(node.this)
    return pa.scalar(float(node.this) if set(node.this.lower()) & {".", "e"} else int(node.this))


def _in(node: exp.In, part: Part) -> Value:
    found: Value = pa.scalar(False)
    for choice in node.expressions:
        found = pc.or_kleene(found, pc.equal(part(node.this), part(choice)))
    return found


def _between(node: exp.Between, part: Part) -> Value:
    value = part(node.this)
    low, high = part(node.args["low"]), part(node.args["high"])
    return pc.and_kleene(pc.greater_equal(value, low), pc.less_equal(value, high))


def _like(ignore_case: bool) -> Callable[[Any, Part], Value]:
    def make(node: exp.Like | exp.ILike, part: Part) -> Value:
        return pc.match_like(part(node.this), pattern=_words(node.expression), ignore_case=ignore_case)

    return make


def _matches(node: exp.RegexpLike, part: Part) -> Value:
    return pc.match_substring_regex(part(node.this), pattern=_words(node.expression))


def _words(node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ConditionError(f"{node.sql()} isn't a pattern: it must be text in single quotes")
    return str(node.this)


_WRITTEN: dict[type[exp.Expr], Callable[[Any, Part], Value]] = {
    **{kind: _call(name) for kind, name in {**_COMPARE, **_COMPUTE}.items()},
    exp.Div: lambda node, part: pc.divide(pc.cast(part(node.this), pa.float64()), part(node.expression)),
    exp.And: lambda node, part: pc.and_kleene(part(node.this), part(node.expression)),
    exp.Or: lambda node, part: pc.or_kleene(part(node.this), part(node.expression)),
    exp.Not: lambda node, part: pc.invert(part(node.this)),
    exp.Paren: lambda node, part: part(node.this),
    exp.Neg: lambda node, part: pc.negate(part(node.this)),
    exp.Is: lambda node, part: (
        pc.is_null(part(node.this))
        if isinstance(node.expression, exp.Null)
        else pc.equal(part(node.this), part(node.expression))
    ),
    exp.Null: lambda node, part: pa.scalar(None),
    exp.Boolean: lambda node, part: pa.scalar(bool(node.this)),
    exp.Literal: _literal,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like(False),
    exp.ILike: _like(True),
    exp.RegexpLike: _matches,
    exp.Length: lambda node, part: pc.utf8_length(part(node.this)),
    exp.Lower: lambda node, part: pc.utf8_lower(part(node.this)),
}
"""how each kind of node is computed, from the values of its parts"""
