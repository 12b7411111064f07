"""Values in the notation of Python, as programs write them into tables, without running any of it."""

import ast
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from mediafp.sightings.unusable_values import UnusableValueError

MAX_PYTHON_CHARS: Final = 256 << 10
"""Characters of a value; the parser takes some hundred bytes for each. Chosen, not measured."""
MAX_PYTHON_DEPTH: Final = 50
"""Depth of a value. Chosen, not measured."""


def parse_python_value(text: str) -> object:
    """Return a value from its notation in Python.

    It has strings, numbers, lists, dictionaries and times; anything else in it is None.

    Raises:
        UnusableValueError: It is no such value, too long or too deep.
    """
    if len(text) > MAX_PYTHON_CHARS:
        raise UnusableValueError(f"its {len(text):,} characters are over the limit of {MAX_PYTHON_CHARS:,}")
    try:
        return _evaluate(ast.parse(text.strip().replace("<UTC>", "UTC"), mode="eval").body, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise UnusableValueError("it is no value in the notation of Python") from error


def _evaluate(node: ast.expr, depth: int) -> object:
    if depth > MAX_PYTHON_DEPTH:
        raise ValueError("too deep")
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_evaluate(item, depth + 1) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {
                str(_evaluate(key, depth + 1)): _evaluate(value, depth + 1)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.Call():
            return _evaluate_call(node)
    return None


def _evaluate_call(node: ast.Call) -> object:
    """Return a time as ISO 8601, and the only argument of any other call that is a string, such as a path."""
    name = ast.unparse(node.func)
    arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    if name in ("datetime.datetime", "datetime") and len(arguments) == len(node.args):
        numbers = [argument for argument in arguments if isinstance(argument, int)]
        zone = next((_evaluate_zone(keyword.value) for keyword in node.keywords if keyword.arg == "tzinfo"), None)
        return datetime(*numbers[:6], tzinfo=zone).isoformat()  # type: ignore[arg-type,misc]
    if name in ("datetime.date", "date") and len(arguments) == 3:
        return datetime(*arguments).date().isoformat()  # type: ignore[arg-type]
    return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], str) else None


def _evaluate_zone(node: ast.expr) -> tzinfo | None:
    """Return a zone; None if it is unknown."""
    text = ast.unparse(node)
    if text in ("datetime.timezone.utc", "timezone.utc", "datetime.UTC", "UTC", "tzutc()"):
        return UTC
    if isinstance(node, ast.Call) and text.startswith("tzoffset(") and node.args:
        seconds_east = _evaluate(node.args[-1], 0)
        return timezone(timedelta(seconds=seconds_east)) if isinstance(seconds_east, int) else None
    if isinstance(node, ast.Call) and text.startswith(("datetime.timezone(", "timezone(")) and node.args:
        offset = node.args[0]
        if isinstance(offset, ast.Call):
            seconds = {
                keyword.arg: _evaluate(keyword.value, 0)
                for keyword in offset.keywords
                if keyword.arg in ("days", "seconds", "hours", "minutes")
            }
            return timezone(timedelta(**seconds))  # type: ignore[arg-type]
    return None
