"""Conditions on columns, as people write them: `language = 'zh' and quality > 0.9`.

The language is SQL's expressions without subqueries: `and or not = != < <= > >= + - * / in between like ilike is null`,
`length(x)`, `lower(x)`, `regexp_matches(x, 'RE2')`, brackets. Names of columns may hold dots (`heuristics.words`);
others stand in double quotes. As in SQL, what compares with a null is neither true nor false, and is not chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp, parse
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
_COMPUTE: dict[type[exp.Expr], str] = {
    exp.Add: "add_checked",
    exp.Sub: "subtract_checked",
    exp.Mul: "multiply_checked",
    exp.Div: "divide",
}
_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("text", lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind)),
    ("true or false", pa.types.is_boolean),
    ("a number", lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind)),
    ("a list", pa.types.is_nested),
    ("a time", pa.types.is_temporal),
    ("nothing", pa.types.is_null),
)
"""how types are called"""


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
            raise ConditionError(f"`{self.text}` is no condition: it is {_kind(found)}, neither true nor false")
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
    root, names = _parse(text, known)
    condition = Condition(text, tuple(dict.fromkeys(names.values())), root, names)
    none = [pa.array([], known[name]) for name in condition.columns]
    condition.mask(pa.RecordBatch.from_arrays(none, names=list(condition.columns)))
    return condition


def columns_in_condition(text: str) -> tuple[str, ...]:
    """The columns that a condition names, each once, whatever columns there are. Raises ConditionError."""
    return tuple(dict.fromkeys(_parse(text, None)[1].values()))


def _parse(text: str, known: Mapping[str, Any] | None) -> tuple[exp.Expr, dict[int, str]]:
    """The tree of a condition, and the column that each node names that names one. `known`: None takes any."""
    try:
        root = _only_statement(text)
        return root, _name_columns(root, known)
    except SqlglotError as error:
        raise ConditionError(f"`{text}` isn't a condition: {_where(error)}") from None
    except RecursionError:
        raise ConditionError(f"`{text[:80]}...` is nested too deeply") from None


@lru_cache(maxsize=64)
def _only_statement(text: str) -> exp.Expr:
    """Kept, since a stage is asked of many documents, one by one, what its conditions ask: parsing takes 3 ms."""
    statements = [statement for statement in parse(text, read="duckdb") if statement is not None]
    if not statements:
        raise ConditionError("the condition is empty")
    if len(statements) > 1:
        raise ConditionError(f"`{text}` is more than one statement: a condition has no `;` within")
    return statements[0]


def _where(error: SqlglotError) -> str:
    for found in getattr(error, "errors", ()):
        return f"{found['description']} at `{found['highlight']}`"
    return str(error).partition("\n")[0]


def _name_columns(node: exp.Expr, known: Mapping[str, Any] | None) -> dict[int, str]:
    """The column that each node names that names one, by the node's identity."""
    if not isinstance(node, exp.Column | exp.Dot):
        return {place: name for child in node.iter_expressions() for place, name in _name_columns(child, known).items()}
    name = ".".join(part.name for part in node.parts)
    if known is None or name in known:
        return {id(node): name}
    close = near(name, known)
    hint = f"did you mean {close}?" if close else f"there are: {', '.join(sorted(known))}"
    if any(isinstance(part, exp.Identifier) and part.quoted for part in node.parts):
        hint += " (text stands in single quotes)"
    raise ConditionError(f"there is no column {name}; {hint}")


def _plain(column: pa.Array) -> pa.Array:
    """Without a dictionary: pyarrow compares few kinds of values with dictionaries."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


Part = Callable[[exp.Expr], Value]


def _kind(value: Value) -> str:
    """What a value is, in words."""
    return next((name for name, is_one in _KINDS if is_one(value.type)), str(value.type))


def _must_be(kind: str, node: exp.Expr, value: Value) -> Value:
    """The value, where it is of this kind or nothing. Raises ConditionError."""
    found = _kind(value)
    if found not in (kind, "nothing"):
        raise ConditionError(f"{node.sql()} is {found}, where {kind} is needed")
    return value


def _comparable(one: Value, other: Value, node: exp.Expr, other_node: exp.Expr) -> tuple[Value, Value]:
    """Both values, of types that Arrow compares. A column of single precision is compared in it, as verdicts are: else
    `score < 0.65` would hold for a score that is equal to 0.65. Raises ConditionError."""
    kinds = _kind(one), _kind(other)
    if kinds[0] != kinds[1] and "nothing" not in kinds:
        raise ConditionError(f"{node.sql()} is {kinds[0]}, {other_node.sql()} is {kinds[1]}: they can't be compared")
    if kinds == ("nothing", "nothing"):  # Arrow compares no nulls without a type
        return one.cast(pa.int64()), other.cast(pa.int64())
    if pa.types.is_float32(one.type) and _is_number(other):
        other = other.cast(pa.float32(), safe=False)
    elif pa.types.is_float32(other.type) and _is_number(one):
        one = one.cast(pa.float32(), safe=False)
    return one, other


def _is_number(value: Value) -> bool:
    return isinstance(value, pa.Scalar) and _kind(value) == "a number"


def _compare(name: str) -> Callable[[Any, Part], Value]:
    def make(node: exp.Binary, part: Part) -> Value:
        return _compared(name, node.this, node.expression, part)

    return make


def _compared(name: str, one: exp.Expr, other: exp.Expr, part: Part) -> Value:
    return pc.call_function(name, list(_comparable(part(one), part(other), one, other)))


def _compute(name: str) -> Callable[[Any, Part], Value]:
    def make(node: exp.Binary, part: Part) -> Value:
        values = [_computable(side, part(side)) for side in (node.this, node.expression)]
        if name == "divide":
            values = [value.cast(pa.float64()) for value in values]
        return pc.call_function(name, values)

    return make


def _computable(node: exp.Expr, value: Value) -> Value:
    """A number of 64 bits: 3 - 5 is -2, also in a column of counts."""
    number = _must_be("a number", node, value)
    if pa.types.is_null(number.type):
        return number.cast(pa.float64())
    return number.cast(pa.float64() if pa.types.is_floating(number.type) else pa.int64())


def _logic(name: str) -> Callable[[Any, Part], Value]:
    def make(node: exp.Connector | exp.Not, part: Part) -> Value:
        sides = [node.this] if isinstance(node, exp.Not) else [node.this, node.expression]
        values = [_must_be("true or false", side, part(side)) for side in sides]
        return pc.call_function(name, [value.cast(pa.bool_()) for value in values])

    return make


def _literal(node: exp.Literal, part: Part) -> Value:
    if node.is_string:
        return pa.scalar(node.this)
    if set(node.this.lower()) & {".", "e"}:
        return pa.scalar(float(node.this))
    value = int(node.this)
    # an origin, or a document's number, may need all 64 bits
    if value < 1 << 64:
        return pa.scalar(value, pa.int64() if value < 1 << 63 else pa.uint64())
    return pa.scalar(float(value))


def _in(node: exp.In, part: Part) -> Value:
    if not node.expressions:
        raise ConditionError(f"{node.sql()} isn't understood: `in` takes values in brackets")
    found: Value = pa.scalar(False)
    for choice in node.expressions:
        found = pc.or_kleene(found, _compared("equal", node.this, choice, part).cast(pa.bool_()))
    return found


def _between(node: exp.Between, part: Part) -> Value:
    low = _compared("greater_equal", node.this, node.args["low"], part)
    return pc.and_kleene(low, _compared("less_equal", node.this, node.args["high"], part))


def _is(node: exp.Is, part: Part) -> Value:
    if isinstance(node.expression, exp.Null):
        return pc.is_null(part(node.this))
    # `x is true` is false, not null, where x is null
    return pc.fill_null(_compared("equal", node.this, node.expression, part), pa.scalar(False))


def _like(ignore_case: bool) -> Callable[[Any, Part], Value]:
    def make(node: exp.Like | exp.ILike, part: Part) -> Value:
        return pc.match_like(_text(node.this, part), pattern=_words(node.expression), ignore_case=ignore_case)

    return make


def _matches(node: exp.RegexpLike, part: Part) -> Value:
    if node.args.get("flag") is not None:
        raise ConditionError(f"{node.sql()}: options aren't understood; `(?i)` at the pattern's beginning is")
    pattern = _words(node.expression)
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)  # on no rows Arrow doesn't look at it
    except pa.ArrowInvalid as error:
        raise ConditionError(f"'{pattern}' is no regular expression of RE2: {error}".partition("\n")[0]) from None
    return pc.match_substring_regex(_text(node.this, part), pattern=pattern)


def _text(node: exp.Expr, part: Part) -> Value:
    value = _must_be("text", node, part(node))
    return value.cast(pa.string()) if pa.types.is_null(value.type) else value


def _words(node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ConditionError(f"{node.sql()} isn't a pattern: it must be text in single quotes")
    return str(node.this)


_WRITTEN: dict[type[exp.Expr], Callable[[Any, Part], Value]] = {
    **{kind: _compare(name) for kind, name in _COMPARE.items()},
    **{kind: _compute(name) for kind, name in _COMPUTE.items()},
    exp.And: _logic("and_kleene"),
    exp.Or: _logic("or_kleene"),
    exp.Not: _logic("invert"),
    exp.Paren: lambda node, part: part(node.this),
    exp.Neg: lambda node, part: pc.negate(_computable(node.this, part(node.this))),
    exp.Is: _is,
    exp.Null: lambda node, part: pa.scalar(None),
    exp.Boolean: lambda node, part: pa.scalar(bool(node.this)),
    exp.Literal: _literal,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like(False),
    exp.ILike: _like(True),
    exp.RegexpLike: _matches,
    exp.Length: lambda node, part: pc.utf8_length(_text(node.this, part)),
    exp.Lower: lambda node, part: pc.utf8_lower(_text(node.this, part)),
}
"""how each kind of node is computed, from the values of its parts"""
