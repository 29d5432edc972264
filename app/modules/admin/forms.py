"""Forms of the log-in pages, the account and the company's settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import get_currency_name
from wtforms import BooleanField, EmailField, Form, HiddenField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, ValidationError

from app.core.i18n import LANGUAGES, _, _l, language
from app.core.money import currencies
from app.core.passwords import LONGEST, SHORTEST

needed = InputRequired(_l("This field is needed."))
THEMES = (("auto", _l("As the device")), ("light", _l("Light")), ("dark", _l("Dark")))
MONTHS = (
    _l("January"),
    _l("February"),
    _l("March"),
    _l("April"),
    _l("May"),
    _l("June"),
    _l("July"),
    _l("August"),
    _l("September"),
    _l("October"),
    _l("November"),
    _l("December"),
)
# CLDR lists every currency there ever was; the choice offers those in use, the form accepts the one in force too.
CURRENCIES = (
    "EUR", "USD", "GBP", "CHF", "MXN", "COP", "ARS", "CLP", "PEN", "UYU", "BRL", "CAD", "AUD", "NZD", "JPY", "CNY",
    "INR", "KRW", "SGD", "HKD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "MAD", "ZAR", "AED", "ILS",
)  # fmt: skip


def choices(pairs: Iterable[tuple[Any, Any]]) -> list[SelectChoice]:
    """Choices of a select from pairs of value and label."""
    return [SelectChoice(value=value, label=label) for value, label in pairs]


def filled(form: Form, field: Any) -> None:
    """A name of blanks is none; those around it and doubled ones go."""
    field.data = " ".join(field.data.split())
    if not field.data:
        raise ValidationError(_("This field is needed."))


class AnyForm(Form):
    """Puts the refusal of a rule beside the field it concerns, else above the form."""

    class Meta:
        """What the forms library says by itself comes in the reader's language too."""

        @property
        def locales(self) -> list[str]:
            return [language()]

    def refuse(self, field: str | None, message: str) -> None:
        if field in self._fields:
            self._fields[field].errors = [*self._fields[field].errors, message]
        else:
            self.form_errors.append(message)


class LogInForm(AnyForm):
    email = EmailField(
        _l("Mail address"),
        [needed, Length(max=254)],
        render_kw={"autocomplete": "username", "autofocus": True},
    )
    password = PasswordField(
        _l("Password"), [needed, Length(max=LONGEST)], render_kw={"autocomplete": "current-password"}
    )
    remember = BooleanField(_l("Keep me logged in on this device for 30 days"))


class ResetRequestForm(AnyForm):
    email = EmailField(
        _l("Mail address"),
        [needed, Length(max=254)],
        render_kw={"autocomplete": "username", "autofocus": True},
    )


class NewPasswordForm(AnyForm):
    """A new password, typed once: the browser can show it, and typing blind twice stops no mistake."""

    password = PasswordField(
        _l("New password"),
        [needed, Length(max=LONGEST)],
        description=_l("At least %(n)s characters. A short sentence is a good one.", n=SHORTEST),
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST, "autofocus": True},
    )


class PasswordForm(AnyForm):
    current = PasswordField(
        _l("Current password"), [needed, Length(max=LONGEST)], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(
        _l("New password"),
        [needed, Length(max=LONGEST)],
        description=_l("At least %(n)s characters. A short sentence is a good one.", n=SHORTEST),
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST},
    )


class ProfileForm(AnyForm):
    name = StringField(_l("Name"), [needed, filled, Length(max=120)], render_kw={"autocomplete": "name"})
    language = SelectField(
        _l("Language"),
        choices=choices([("", _l("As the company")), *LANGUAGES.items()]),
        filters=[lambda text: text or None],
    )
    theme = SelectField(_l("Appearance"), choices=choices(THEMES))


class RoleForm(AnyForm):
    """The name of a role; its permissions and scopes are lists of their own on the page."""

    name = StringField(_l("Name"), [needed, filled, Length(max=80)])


class SettingsForm(AnyForm):
    name = StringField(_l("Name of the company"), [needed, filled, Length(max=120)])
    language = SelectField(
        _l("Language"),
        choices=choices(LANGUAGES.items()),
        description=_l("For everybody who has not chosen one of their own."),
    )
    timezone = SelectField(
        _l("Time zone"),
        description=_l("Decides to which day something belongs. What is already dated keeps its date."),
        render_kw={"data-picker": "1"},
    )
    currency = SelectField(_l("Currency"), render_kw={"data-picker": "1"})
    fiscal_year_start = SelectField(
        _l("First month of the fiscal year"), coerce=int, choices=choices(enumerate(MONTHS, start=1))
    )

    version = HiddenField()

    def __init__(self, *args: Any, currency_fixed: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = sorted(z for z in available_timezones() if "/" in z and not z.startswith("Etc/"))
        self.timezone.choices = choices((z, z.replace("_", " ")) for z in zones)
        known = sorted(currencies())
        first = [c for c in CURRENCIES if c in known]
        ordered = (*first, *(c for c in known if c not in first))
        names = language()
        self.currency.choices = choices((c, f"{c} · {get_currency_name(c, locale=names)}") for c in ordered)
        if currency_fixed:
            self.currency.description = _("Cannot be changed any more: amounts have been stored in it.")
            self.currency.render_kw = {"disabled": True}
