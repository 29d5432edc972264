"""The form by which a person makes a token."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import Length

from app.core.i18n import _l
from app.core.tokens import LONGEST_NAME
from app.modules.admin.forms import AnyForm, choices, filled, needed

NEVER = "0"
DAYS = (("30", _l("30 days")), ("90", _l("90 days")), ("365", _l("One year")), (NEVER, _l("No end")))


class TokenForm(AnyForm):
    name = StringField(
        _l("What it is for"),
        [needed, filled, Length(max=LONGEST_NAME)],
        description=_l("Such as the name of the program that will use it."),
        render_kw={"autocomplete": "off"},
    )
    company = SelectField(_l("Company"))
    days = SelectField(_l("Works for"), choices=choices(DAYS), default="365")
    read_only = BooleanField(_l("May only read"))

    def __init__(self, *args: Any, companies: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.company.choices = choices(companies)

    @property
    def lifetime(self) -> int | None:
        """Days, None for no end."""
        return int(self.days.data) or None
