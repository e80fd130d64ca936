"""Breaks a module in every way that one may get it wrong: a statement left out, a condition inverted, an operator or a
constant changed, a gate taken out of the list. Called by `tests.mutants`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}

_OTHER_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


class Mutant(NamedTuple):
    """One broken module."""

    module: str
    place: str
    what: str
    tree: ast.Module


def mutants(path: Path, module: str) -> Iterator[Mutant]:
    """Every mutant of a file."""
    source = ast.parse(path.read_text(encoding="utf-8"))
    parents = _parents(source)
    for index, node in enumerate(ast.walk(source)):
        if not isinstance(node, _BREAKABLE) or _is_text(node, parents):
            continue
        for way in range(_number_of_ways(node)):
            made = _mutant(source, index, way)
            if made is not None:
                at = node.target if isinstance(node, ast.comprehension) else node  # one has no line of its own
                yield Mutant(module, f"{path.name}:{getattr(at, 'lineno', '?')}", *made)


def _number_of_ways(node: ast.AST) -> int:
    """At most; `_break` knows which of them there are."""
    if isinstance(node, ast.Tuple):
        return len(node.elts)
    if isinstance(node, ast.BoolOp):
        return 1 + len(node.values)
    return 1 if isinstance(node, _STATEMENTS) else len(_WAYS[type(node)])


def _mutant(source: ast.Module, index: int, way: int) -> tuple[str, ast.Module] | None:
    tree = copy.deepcopy(source)
    what = _break(next(islice(ast.walk(tree), index, None)), _parents(tree), way)
    return (what, ast.fix_missing_locations(tree)) if what is not None else None


def _parents(tree: ast.Module) -> Mapping[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def _is_text(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the node is in a type, a sentence for people, an import or a decorator: these decide nothing."""
    at: ast.AST | None = node
    while at is not None:
        parent = parents.get(at)
        if isinstance(at, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
            return True
        if isinstance(parent, (ast.AnnAssign, ast.arg)) and parent.annotation is at:
            return True
        if isinstance(parent, ast.FunctionDef) and parent.returns is at:
            return True
        if isinstance(parent, (ast.FunctionDef, ast.ClassDef)) and at in parent.decorator_list:
            return True
        at = parent
    return False


def _break(node: ast.AST, parents: Mapping[ast.AST, ast.AST], way: int) -> str | None:
    """Breaks the node where it stands, in one of its ways; says how, or None when there is no such way."""
    if isinstance(node, _STATEMENTS):
        return _left_out(node, parents[node])
    if isinstance(node, ast.Tuple):
        is_gates = isinstance(parents[node], ast.AnnAssign) and isinstance(node.ctx, ast.Load)
        return _without(node.elts, way) if is_gates else None
    if isinstance(node, ast.BoolOp):
        return _other_junction(node) if way == 0 else _without(node.values, way - 1)
    return _WAYS[type(node)][way](node)


_STATEMENTS = (ast.Expr, ast.AugAssign, ast.Continue, ast.Break, ast.Return)


def _left_out(node: ast.stmt, parent: ast.AST) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return None  # a docstring
    for body in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
        if isinstance(body, list) and node in body:
            what = f"left out: {ast.unparse(node)}"
            body[body.index(node)] = ast.Pass()
            return what
    return None


def _opposite(node: ast.Compare) -> str:
    operator = node.ops[0]
    node.ops[0] = _OPPOSITES[type(operator)]()
    return f"{type(operator).__name__} becomes {type(node.ops[0]).__name__}: {ast.unparse(node)}"


def _other_junction(node: ast.BoolOp) -> str:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return f"other junction: {ast.unparse(node)}"


def _without(among: list[ast.expr], index: int) -> str:
    return f"without {ast.unparse(among.pop(index))}"


def _inverted(node: ast.If | ast.IfExp | ast.While) -> str:
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return f"inverted: {ast.unparse(node.test)}"


def _unfiltered(node: ast.comprehension) -> str | None:
    if not node.ifs:
        return None
    gone = node.ifs.pop()
    return f"without the filter {ast.unparse(gone)}"


def _inverted_filter(node: ast.comprehension) -> str | None:
    if not node.ifs:
        return None
    node.ifs[-1] = ast.UnaryOp(ast.Not(), node.ifs[-1])
    return f"inverted filter: {ast.unparse(node.ifs[-1])}"


def _other_constant(node: ast.Constant) -> str | None:
    value = node.value
    if isinstance(value, bool):
        node.value = not value
    elif isinstance(value, int):
        node.value = value + 1
    elif isinstance(value, str) and value and " " not in value:
        node.value = f"not-{value}"  # sentences are for people
    else:
        return None
    return f"{value!r} becomes {node.value!r}"


def _without_not(node: ast.UnaryOp) -> str | None:
    if not isinstance(node.op, ast.Not):
        return None
    node.operand = ast.UnaryOp(ast.Not(), node.operand)
    return f"without not: {ast.unparse(node.operand)}"


def _other_arithmetic(node: ast.BinOp) -> str | None:
    other = _OTHER_ARITHMETIC.get(type(node.op))
    if other is None:
        return None
    node.op = other()
    return f"other arithmetic: {ast.unparse(node)}"


_WAYS: Mapping[type[ast.AST], tuple[Callable[[Any], str | None], ...]] = {
    ast.Compare: (_opposite,),
    ast.If: (_inverted,),
    ast.IfExp: (_inverted,),
    ast.While: (_inverted,),
    ast.comprehension: (_unfiltered, _inverted_filter),
    ast.Constant: (_other_constant,),
    ast.UnaryOp: (_without_not,),
    ast.BinOp: (_other_arithmetic,),
}
_BREAKABLE = (*_WAYS, ast.BoolOp, ast.Tuple, *_STATEMENTS)
