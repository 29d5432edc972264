"""Formulas over metrics: read, checked for their units, and worked out.

A formula has ids of metrics ("crm.won_amount"), numbers, + − × ÷ and brackets; units multiply and divide as in physics, a
count and a ratio have none. "visits × reach × conversion × ticket" is money when the ticket is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from app.core.errors import BusinessError
from app.core.i18n import _

LONGEST = 500
DEEPEST = 100  # parts within parts
MOST_INPUTS = 8
MOST_BELOW = 24  # figures that a formula rests on, by way of others
PRECISION = 40
LARGEST = Decimal("1e15")
# The powers of money, days and hours that a unit has: hours are not added to days.
Unit = tuple[int, int, int]
PLAIN: Unit = (0, 0, 0)
POWERS: Mapping[str, Unit] = {"money": (1, 0, 0), "count": PLAIN, "ratio": PLAIN, "days": (0, 1, 0), "hours": (0, 0, 1)}
Values = Mapping[str, Decimal | None]
SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", ":": "/", "−": "-", "–": "-"})
PRETTY = str.maketrans({"*": "×", "/": "÷", "-": "−"})
UNREADABLE = re.compile(r"[^A-Za-z0-9_.,+\-*/() ]")
COMMA = re.compile(r"(?<=\d),(?=\d)")  # as half of the world writes decimals; nothing else in a formula has one
AN_ID = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")


@dataclass(frozen=True)
class Formula:
    """A formula that was read: the ids it names, in their order, and its tree."""

    text: str
    inputs: tuple[str, ...]
    tree: ast.expr

    def value(self, values: Values) -> Decimal | None:
        """What it comes to; None where a part is undefined or something is divided by zero."""
        try:
            with localcontext(prec=PRECISION):
                found = _value(self.tree, values)
                return found if abs(found) <= LARGEST else None
        except (ArithmeticError, TypeError):
            return None

    def pieces(self) -> list[tuple[str, str]]:
        """The formula as people read it, in pieces: text, and the id of the metric where the piece is one."""
        found, at = [], 0
        for each in AN_ID.finditer(self.text):
            found += [(self.text[at : each.start()].translate(PRETTY), ""), (each.group(), each.group())]
            at = each.end()
        return [piece for piece in [*found, (self.text[at:].translate(PRETTY), "")] if piece[0]]

    def check_units(self, units: Mapping[str, str], wanted: str) -> None:
        """Raise `BusinessError` when units are added that do not belong together, or when it is not of the unit `wanted`."""
        found = _unit(self.tree, units, self.text)
        if found != POWERS[wanted]:
            raise BusinessError(
                _("The formula gives %(found)s, not %(wanted)s.", found=_called(found), wanted=_called(POWERS[wanted])),
                field="formula",
            )


def read(text: str) -> Formula:
    """A formula from text; × ÷ − may be written so or as * / -. Raises `BusinessError` with a sentence."""
    plain = COMMA.sub(".", " ".join(text.translate(SIGNS).split()))
    if not plain or len(plain) > LONGEST:
        raise BusinessError(_("Write a formula of at most %(n)s characters.", n=LONGEST), field="formula")
    if odd := UNREADABLE.search(plain):
        raise _unreadable(odd.group())
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(plain) from None
    nodes = list(_walk(tree, plain))
    inputs = tuple(dict.fromkeys(name for node in nodes if (name := _named(node))))
    if not inputs:
        raise BusinessError(_("A formula needs at least one metric, such as crm.won_amount."), field="formula")
    if len(inputs) > MOST_INPUTS:
        raise BusinessError(_("A formula of at most %(n)s metrics, please.", n=MOST_INPUTS), field="formula")
    for node in nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_nothing(node.right):
            raise BusinessError(_("The formula divides by zero: %(part)s", part=_shown(node, plain)), field="formula")
    return Formula(plain, inputs, tree)


@dataclass(frozen=True)
class Plan:
    """How a formula is worked out: the formulas it rests on, what comes first before what needs it, itself at the end."""

    steps: tuple[tuple[str, Formula], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The metrics at the bottom, which have no formula, each once."""
        made = {metric_id for metric_id, _formula in self.steps}
        return tuple(dict.fromkeys(each for _id, step in self.steps for each in step.inputs if each not in made))

    def value(self, values: Values) -> Decimal | None:
        """What the last step comes to, from the values of `inputs`; None where any step is undefined."""
        known = dict(values)
        for metric_id, step in self.steps:
            known[metric_id] = step.value(known)
        return known[self.steps[-1][0]]


def plans(formulas: Mapping[str, Formula], known: Container[str]) -> dict[str, Plan]:
    """Id -> plan of every formula whose parts are all there; one with a part that is gone, or in a circle, has none."""
    found: dict[str, Plan] = {}
    waiting = dict(formulas)
    while fresh := [i for i, each in waiting.items() if all(part in known or part in found for part in each.inputs)]:
        for metric_id in fresh:
            read = waiting.pop(metric_id)
            below = dict(step for part in read.inputs if part in found for step in found[part].steps)
            found[metric_id] = Plan((*below.items(), (metric_id, read)))
    return found


def circle(start: str, inputs_of: Callable[[str], tuple[str, ...]]) -> list[str]:
    """The way by which a metric leads back to itself, from it to it; empty when it does not."""
    looked: set[str] = set()

    def search(at: str, way: list[str]) -> list[str]:
        for each in inputs_of(at):
            if each == start:
                return [*way, each]
            if each not in looked:
                looked.add(each)
                if found := search(each, [*way, each]):
                    return found
        return []

    return search(start, [start])


def _walk(tree: ast.expr, text: str) -> Iterator[ast.expr]:
    """Every node, as written. Raises `BusinessError` for what has no place in a formula, and where it is too deep."""
    todo = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > DEEPEST:
            raise BusinessError(_("The formula is too long: make a metric of a part of it."), field="formula")
        yield node
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            todo += [(node.right, depth + 1), (node.left, depth + 1)]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            todo.append((node.operand, depth + 1))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            if abs(Decimal(str(node.value))) > LARGEST:
                raise BusinessError(_("A number of a sensible size, please."), field="formula")
        elif not _named(node):
            raise _unreadable(_shown(node, text))


def _shown(node: ast.expr, text: str) -> str:
    """A part of a formula as people write it."""
    return (ast.get_source_segment(text, node) or text).translate(PRETTY)


def _named(node: ast.expr) -> str:
    """The id of a metric that a node is; empty when it is something else."""
    return f"{node.value.id}.{node.attr}" if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""


def _is_nothing(node: ast.expr) -> bool:
    """Whether a part has no metric in it and comes to zero."""
    try:
        return _value(node, {}) == 0
    except KeyError:
        return False
    except ArithmeticError:
        return True


def _unreadable(part: str) -> BusinessError:
    return BusinessError(
        _("“%(part)s” cannot be read. A formula has metrics, numbers, + − × ÷ and brackets.", part=part[:60]), field="formula"
    )


def _value(node: ast.expr, values: Values) -> Decimal:
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if right == 0:
            raise ZeroDivisionError
        return left / right
    if isinstance(node, ast.UnaryOp):
        found = _value(node.operand, values)
        return -found if isinstance(node.op, ast.USub) else found
    if isinstance(node, ast.Attribute):
        known = values[_named(node)]
        if known is None:
            raise TypeError(node.attr)
        return known
    assert isinstance(node, ast.Constant)  # nothing else gets past `_walk`
    return Decimal(str(node.value))


def _unit(node: ast.expr, units: Mapping[str, str], text: str) -> Unit:
    if isinstance(node, ast.BinOp):
        left, right = _unit(node.left, units, text), _unit(node.right, units, text)
        if isinstance(node.op, ast.Mult):
            return left[0] + right[0], left[1] + right[1], left[2] + right[2]
        if isinstance(node.op, ast.Div):
            return left[0] - right[0], left[1] - right[1], left[2] - right[2]
        if left != right:
            raise BusinessError(
                _("“%(part)s” adds %(left)s and %(right)s.", part=_shown(node, text), left=_called(left), right=_called(right)),
                field="formula",
            )
        return left
    if isinstance(node, ast.UnaryOp):
        return _unit(node.operand, units, text)
    if isinstance(node, ast.Attribute):
        return POWERS[units[_named(node)]]
    return PLAIN


def _called(unit: Unit) -> str:
    """What people call a unit."""
    known = {
        PLAIN: _("a plain number"), (1, 0, 0): _("an amount of money"), (0, 1, 0): _("days"), (0, 0, 1): _("hours"),
        (1, -1, 0): _("an amount of money per day"), (0, -1, 0): _("a number per day"),
    }
    if unit in known:
        return known[unit]
    money, days, hours = unit
    return _("money to the power of %(money)s, days of %(days)s and hours of %(hours)s", money=money, days=days, hours=hours)
