"""Rows that are probably the same thing: the same name but for its legal form, mail address, domain or telephone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import and_, or_, select

from app.core.db import db, fold
from app.core.fields import Field
from app.core.i18n import _
from app.core.merging import mergeable
from app.core.resource import Resource

CONTACT = ("email", "phone", "url")
MOST_CANDIDATES = 50  # rows read to be looked at closely
DIGITS = 9  # of a telephone number: what is left without the prefixes of countries
LEAST_DIGITS = 7
# How companies are constituted: at the end of a name this does not tell two of them apart.
_FORMS = (
    "sl sa slu sau slp sll sal slne scoop coop cb scp limitada unipersonal inc incorporated ltd limited llc llp plc corp "
    "corporation gmbh ag kg ug bv nv sarl sas spa srl lda oy ab aps"
)
LEGAL = frozenset(_FORMS.split())
SPELT_OUT = (("sociedad", "limitada"), ("sociedad", "anonima"), ("sociedad", "cooperativa"), ("s", "coop"))
# Where everybody may have a mailbox: such a domain says nothing about who somebody is.
_MAIL = (
    "gmail.com googlemail.com hotmail.com hotmail.es outlook.com outlook.es live.com msn.com yahoo.com yahoo.es icloud.com "
    "me.com mac.com aol.com gmx.com gmx.es gmx.de gmx.net web.de proton.me protonmail.com telefonica.net terra.es ono.com "
    "orange.es wanadoo.es movistar.es correo.com mail.com yandex.com zoho.com"
)
FREE_MAIL = frozenset(_MAIL.split())


@dataclass(frozen=True)
class Likely:
    """A row that the person may see, and why it is probably the same."""

    id: int
    title: str
    why: str
    url: str = ""  # its page, where it is a row of another kind than the one that was asked for


@dataclass(frozen=True)
class Found:
    """What is probably there already; `hidden` counts the rows of others that the person may not see."""

    rows: list[Likely] = field(default_factory=list)
    hidden: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows or self.hidden)


@dataclass(frozen=True)
class Traits:
    """What two rows are compared by, normalised."""

    name: str = ""
    mails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def common(self, other: Traits) -> list[str]:
        """What both have: "name", "mail", "domain", "phone"."""
        found = ["name"] if self.name and self.name == other.name else []
        found += ["mail"] if self.mails & other.mails else []
        found += ["domain"] if self.domains & other.domains else []
        return found + (["phone"] if self.phones & other.phones else [])

    def shares_a_word(self, other: Traits) -> bool:
        """Whether the names have a word in common: colleagues have a telephone in common, and are two people."""
        return bool({w for w in self.name.split() if len(w) > 2} & set(other.name.split()))


def watched(resource: Resource) -> bool:
    """Whether duplicates of a resource's rows are looked for: there must be a way to reach whom they stand for."""
    return mergeable(resource) and any(f.kind in CONTACT for f in resource.fields)


def likely(resource: Resource, values: Mapping[str, Any], but: int | None = None) -> Found:
    """Rows that are probably the same as one with these field values; `but` leaves one out. Three statements at most."""
    if not watched(resource):
        return Found()
    mine = traits(resource, SimpleNamespace(**{resource.title: "", **values}))
    reasons: dict[int, tuple[str, list[str]]] = {}
    for criterion in _criteria(resource, mine):
        for row in _candidates(resource, criterion):
            if row.id != but and (common := alike(resource, mine, traits(resource, row))):
                reasons[row.id] = (resource.called(row), common)
    seen = select(resource.model.id).where(resource.model.id.in_(reasons)).order_by(resource.model.id)
    visible = db.session.scalars(seen).all() if reasons else []
    rows = [Likely(row_id, reasons[row_id][0], said(reasons[row_id][1])) for row_id in visible]
    rows.sort(key=lambda found: (-len(reasons[found.id][1]), found.id))
    return Found(rows, len(reasons) - len(visible))


def alike(resource: Resource, mine: Traits, theirs: Traits) -> list[str]:
    """What makes two rows likely to be the same; nothing when it is too little."""
    common = mine.common(theirs)
    if common == ["phone"] and not _is_organisation(resource) and not mine.shares_a_word(theirs):
        return []
    return common


def said(common: Iterable[str]) -> str:
    """The reasons for people."""
    words = {"name": _("same name"), "mail": _("same e-mail address"), "domain": _("same web or mail domain"),
             "phone": _("same telephone number")}
    return ", ".join(words[what] for what in common)


def traits(resource: Resource, row: Any) -> Traits:
    """What a row, or anything with the attributes of its text fields, is compared by."""
    texts = {kind: [str(v) for f in resource.fields if f.kind == kind and (v := getattr(row, f.name, None))] for kind in CONTACT}
    hosts = {_host(url) for url in texts["url"]} | {mail.rpartition("@")[2].lower() for mail in texts["email"]}
    return Traits(
        name=bare_name(getattr(row, resource.title) or ""),
        mails=frozenset(mail.lower() for mail in texts["email"]),
        # People of one firm share its domain; what has a website of its own is the firm.
        domains=frozenset(hosts - FREE_MAIL - {""}) if _is_organisation(resource) else frozenset(),
        phones=frozenset(n for phone in texts["phone"] if (n := last_digits(phone))),
    )


def bare_name(text: str) -> str:
    """A name without case, accents, punctuation and legal form: "ACME, S. L." is "acme"."""
    bare = re.sub(r"[.'’`´]", "", fold(text))
    words = re.sub(r"[^\w]+|_", " ", re.sub(r"&", " and ", bare)).split()
    words = _joined(words)
    while len(words) > 1:
        if len(words) > 2 and tuple(words[-2:]) in SPELT_OUT:
            words = words[:-2]
        elif words[-1] in LEGAL:
            words = words[:-1]
        else:
            break
    return " ".join(words)


def last_digits(phone: str) -> str:
    """The last nine digits of a telephone number without its extension; "" for one that is too short to tell."""
    number = re.split(r"x|ext", phone, maxsplit=1, flags=re.IGNORECASE)[0]
    digits = re.sub(r"\D", "", number)
    return digits[-DIGITS:] if len(digits) >= LEAST_DIGITS else ""


def _joined(words: Sequence[str]) -> list[str]:
    """"s", "l" are the letters of one word."""
    found: list[str] = []
    single = False
    for word in words:
        if len(word) == 1 and word.isalpha() and single:
            found[-1] += word
        else:
            found.append(word)
        single = len(word) == 1 and word.isalpha()
    return found


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _is_organisation(resource: Resource) -> bool:
    return any(f.kind == "url" for f in resource.fields)


def _criteria(resource: Resource, mine: Traits) -> list[Any]:
    """By name, which an index answers, and by the ways to reach somebody, which a look at every row does."""
    found = []
    key = resource.name_column
    if mine.name:
        words = [key.contains(word, autoescape=True) for word in mine.name.split() if len(word) > 1]
        found.append(and_(key.startswith(mine.name[0], autoescape=True), *(words or [key.contains(mine.name, autoescape=True)])))
    reached = [test for f in resource.fields if f.kind in CONTACT for test in _same(f, getattr(resource.model, f.name), mine)]
    return [*found, or_(*reached)] if reached else found


def _same(typed: Field, column: Any, mine: Traits) -> list[Any]:
    if typed.kind == "phone":
        # The signs between the digits may be any; what does not fit after all is sorted out by those who ask.
        return [column.like("%" + "%".join(number) + "%") for number in sorted(mine.phones)]
    if typed.kind == "url":
        return [column.contains(domain, autoescape=True) for domain in sorted(mine.domains)]
    domains = [column.endswith(f"@{domain}", autoescape=True) for domain in sorted(mine.domains)]
    return [*domains, *([column.in_(sorted(mine.mails))] if mine.mails else [])]


def _candidates(resource: Resource, criterion: Any) -> Sequence[Any]:
    model = resource.model
    names = dict.fromkeys([resource.title, *(f.name for f in resource.fields if f.kind in CONTACT)])
    rows = select(model.id, *(getattr(model, name) for name in names)).where(criterion).order_by(model.id)
    return db.session.execute(rows.limit(MOST_CANDIDATES), execution_options={"all_rows": True}).all()
