"""The form in which a mail is written, and what of it a template may replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from app.core.address_fields import Email
from app.core.errors import BusinessError
from app.core.fields import Choice, LongText, Text
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.ids import whole
from app.modules.crm.mail.addresses import Addresses
from app.modules.crm.mail.merge_fields import Filled, fill
from app.modules.crm.mail.models import LONGEST_SUBJECT, EmailTemplate
from app.modules.crm.mail.queries import Recipient

LONGEST_BODY = 20_000


def mail_form(people: Sequence[Recipient], templates: Sequence[EmailTemplate], posted: Any, values: Mapping[str, Any] | None = None) -> Form:
    """The form; `posted` is what was sent, as text, `values` what a new one begins with."""
    listed = [(p.key, f"{p.name} <{p.address}>") for p in people]
    fields = (
        Choice("to", _l("To"), choices=listed),
        Email("address", _l("Another address") if people else _l("To"), hint=_l("Somebody who is not in the list.") if people else ""),
        Addresses("cc", _l("Copy to"), hint=_l("Several addresses, each after a comma.")),
        Choice("template", _l("Template"), choices=[(str(t.id), f"{t.name} ({t.language})") for t in templates]),
        Text("subject", _l("Subject"), required=True, longest=LONGEST_SUBJECT),
        LongText("body", _l("Text"), required=True, longest=LONGEST_BODY),
    )
    form = form_of(fields, posted, values)
    form["body"].render_kw = {"rows": "14"}
    form["template"].render_kw = {"data-refill": "1"}
    form["to"].render_kw = {"data-refill": "1"}
    return form


@dataclass(frozen=True)
class Draft:
    """What stands in the form: the words, and those that a template last put there."""

    subject: str = ""
    body: str = ""
    was_subject: str = ""
    was_body: str = ""
    empty: tuple[str, ...] = ()  # merge fields for which nothing is known
    kept: bool = False  # somebody has written, so the template waits to be confirmed
    once: str = ""

    @classmethod
    def of(cls, posted: Mapping[str, str]) -> Draft:
        """From a posted form; browsers send lines with carriage returns."""
        subject, body, was_subject, was_body = (_lines(posted.get(n, "")) for n in ("subject", "body", "was_subject", "was_body"))
        return cls(subject, body, was_subject, was_body, once=posted.get("once", ""))

    @classmethod
    def new(cls) -> Draft:
        return cls(once=str(uuid4()))

    @property
    def untouched(self) -> bool:
        """Whether nobody has written anything that a template would overwrite."""
        mine = ((self.subject, self.was_subject), (self.body, self.was_body))
        return all(text.strip() in ("", was.strip()) for text, was in mine)

    def begun_with(self, template: EmailTemplate | None, values: Mapping[str, str], *, anyway: bool = False) -> Draft:
        """With the words of a template, filled in; what somebody wrote stays unless they said `anyway`."""
        if template is None:
            return self
        if not (anyway or self.untouched):
            return replace(self, kept=True)
        subject, body = _filled(template.subject, values), _filled(template.body, values)
        empty = tuple(dict.fromkeys((*subject.empty, *body.empty)))
        return replace(self, subject=subject.text, body=body.text, was_subject=subject.text, was_body=body.text, empty=empty, kept=False)

    def completed(self, values: Mapping[str, str]) -> Draft:
        """With the merge fields filled in that somebody typed and for which something is known."""
        subject, body = _filled(self.subject, values), _filled(self.body, values)
        return replace(self, subject=subject.text, body=body.text, empty=tuple(dict.fromkeys((*subject.empty, *body.empty))))


def _filled(text: str, values: Mapping[str, str]) -> Filled:
    """Text with its fields filled in; one that does not exist stays, and is named when the mail is sent."""
    try:
        return fill(text, values)
    except BusinessError:
        return Filled(text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def chosen(people: Sequence[Recipient], to: str | None, address: str | None) -> Recipient | None:
    """Whom a form names: the typed address before the list, as one of the list where it is theirs."""
    if address:
        typed = address.strip().lower()
        return next((p for p in people if p.address.lower() == typed), Recipient("", "", typed))
    return next((p for p in people if p.key == to), None)


def template_of(templates: Sequence[EmailTemplate], text: str | None) -> EmailTemplate | None:
    """The template that a form names, if it is on offer."""
    return next((t for t in templates if t.id == whole(text)), None)


def refuse_nobody(form: Form) -> None:
    """Say beside the field that nobody is written to."""
    form.refuse("address" if "address" in form else None, _("To whom?"))
