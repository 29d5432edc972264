"""Formulas over metrics: read, checked for their units, and worked out.

A formula has ids of metrics ("crm.won_amount"), numbers, + − × ÷ and brackets; units multiply and divide as in physics, a
count and a ratio have none. "visits × reach × conversion × ticket" is money when the ticket is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext

from app.core.errors import BusinessError
from app.core.i18n import _

LONGEST = 500
MOST_INPUTS = 8
PRECISION = 40
LARGEST = Decimal("1e15")
# The powers of money, days and hours that a unit has: hours are not added to days.
Unit = tuple[int, int, int]
PLAIN: Unit = (0, 0, 0)
POWERS: Mapping[str, Unit] = {"money": (1, 0, 0), "count": PLAIN, "ratio": PLAIN, "days": (0, 1, 0), "hours": (0, 0, 1)}
Values = Mapping[str, Decimal | None]


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
        except (ZeroDivisionError, InvalidOperation, TypeError):
            return None
        return found if abs(found) <= LARGEST else None

    def check_units(self, units: Mapping[str, str], wanted: str) -> None:
        """Raise `BusinessError` when units are added that do not belong together, or when it is not of the unit `wanted`."""
        found = _unit(self.tree, units)
        if found != POWERS[wanted]:
            raise BusinessError(
                _("The formula gives %(found)s, not %(wanted)s.", found=_called(found), wanted=_called(POWERS[wanted])),
                field="formula",
            )


def read(text: str) -> Formula:
    """A formula from text; × ÷ − may be written so or as * / -. Raises `BusinessError` with a sentence."""
    plain = " ".join(text.replace("×", "*").replace("·", "*").replace("÷", "/").replace("−", "-").split())
    if not plain or len(plain) > LONGEST:
        raise BusinessError(_("Write a formula of at most %(n)s characters.", n=LONGEST), field="formula")
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(plain) from None
    inputs = tuple(dict.fromkeys(_names(tree)))
    if not inputs:
        raise BusinessError(_("A formula needs at least one metric, such as crm.won_amount."), field="formula")
    if len(inputs) > MOST_INPUTS:
        raise BusinessError(_("A formula of at most %(n)s metrics, please.", n=MOST_INPUTS), field="formula")
    return Formula(plain, inputs, tree)


def circle(start: str, inputs_of: Callable[[str], tuple[str, ...]]) -> list[str]:
    """The way by which a metric leads back to itself, from it to it; empty when it does not."""

    def search(at: str, way: list[str]) -> list[str]:
        for each in inputs_of(at):
            if each == start:
                return [*way, each]
            if each not in way and (found := search(each, [*way, each])):
                return found
        return []

    return search(start, [start])


def _names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        return [*_names(node.left), *_names(node.right)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return _names(node.operand)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return [f"{node.value.id}.{node.attr}"]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return []
    raise _unreadable(ast.unparse(node))


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
        known = values[f"{node.value.id}.{node.attr}"]  # type: ignore[attr-defined]  # a name, as `_names` saw
        if known is None:
            raise TypeError(node.attr)
        return known
    assert isinstance(node, ast.Constant)  # nothing else gets past `_names`
    return Decimal(str(node.value))


def _unit(node: ast.expr, units: Mapping[str, str]) -> Unit:
    if isinstance(node, ast.BinOp):
        left, right = _unit(node.left, units), _unit(node.right, units)
        if isinstance(node.op, ast.Mult):
            return left[0] + right[0], left[1] + right[1], left[2] + right[2]
        if isinstance(node.op, ast.Div):
            return left[0] - right[0], left[1] - right[1], left[2] - right[2]
        if left != right:
            raise BusinessError(
                _("“%(part)s” adds %(left)s and %(right)s.", part=ast.unparse(node), left=_called(left), right=_called(right)),
                field="formula",
            )
        return left
    if isinstance(node, ast.UnaryOp):
        return _unit(node.operand, units)
    if isinstance(node, ast.Attribute):
        return POWERS[units[f"{node.value.id}.{node.attr}"]]  # type: ignore[attr-defined]
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
