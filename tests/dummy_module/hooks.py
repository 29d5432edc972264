"""Every hook, once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app
from sqlalchemy import func, select

from app.core.access import public, require
from app.core.address_fields import Email, Phone, Url
from app.core.db import db, utcnow
from app.core.dimensions import Dimension
from app.core.events import publish
from app.core.fields import Boolean, Choice, Date, Integer, LongText, MoneyField, Percent, Text
from app.core.history import Entry
from app.core.hooks import Column, Hooks, Item, Merge, Personal, Schedule, Timeline
from app.core.lookups import Lookup
from app.core.metrics import Metric, MetricQuery
from app.core.registry import registry
from app.core.resource import Resource
from app.core.surfaces.record import fetch
from tests.dummy_module.models import Settings, Thing

blueprint = Blueprint("dummy", __name__)
site_blueprint = Blueprint("dummy_site", __name__)
seen: list[tuple[str, Any]] = []  # what the hooks were told, for the tests to look at


@blueprint.get("/accounts/<int:account_id>/things")
@require("dummy.thing.view")
def account_things(account_id: int) -> str:
    """A tab on the page of an account."""
    return f'<p id="tab">Things of {fetch(registry.resource("contacts.account"), account_id).name}</p>'


@blueprint.post("/ring")
@require("dummy.bell.ring")
def ring() -> str:
    """Publishes a fact and enqueues nothing else."""
    publish("dummy.bell_rung", times=3)
    return "rung"


@site_blueprint.get("/dummy-weather")
@public
def weather() -> str:
    """A page outside any company."""
    return "sunny"


def things_of(ids: Any) -> dict[int, str]:
    rows = db.session.execute(
        select(Thing.account_id, func.count(Thing.id)).where(Thing.account_id.in_(ids)).group_by(Thing.account_id)
    )
    return {row[0]: str(row[1]) for row in rows}


def count_things(query: MetricQuery) -> Any:
    keys = [Thing.colour.label("d_colour")] if "colour" in query.by else []
    return select(*keys, func.count(Thing.id).label("value"), func.count(Thing.id).label("n")).group_by(*keys)


def heard(**facts: Any) -> None:
    seen.append(("bell", facts))


def tidy(**payload: Any) -> None:
    seen.append(("job", payload))


def entries(row_id: int) -> list[Entry]:
    return [Entry(at=utcnow(), who="Dummy", text=f"looked at account {row_id}", icon="eye")]


thing = Resource(
    name="thing",
    model=Thing,
    label="Thing",
    label_plural="Things",
    fields=(
        Text("name", "Name", required=True),
        Lookup("account_id", "Account", target="contacts.account"),
        Lookup("owner_id", "Owner", target="admin.member"),
        Email("mail", "Mail"),
        Url("site", "Site"),
        Phone("phone", "Phone"),
        Integer("pieces", "Pieces", least=0),
        Percent("share", "Share"),
        MoneyField("price", "Price"),
        Date("day", "Day"),
        Choice("colour", "Colour", choices=(("red", "Red"), ("green", "Green"))),
        Boolean("ready", "Ready"),
        LongText("note", "Note", longest=2000),
    ),
    filters=("owner_id", "account_id", "day", "colour", "ready"),
    match_keys=("name",),
)

# Of another figure: twice as many.
doubled = Metric(id="dummy.doubled", label="Twice the things", describe="How many there would be of two each.", row="–",
                 unit="count", build=count_things, drill=lambda _query: select(Thing.id), inputs=("dummy.things",),
                 combine=lambda values: None if values["dummy.things"] is None else values["dummy.things"] * 2,
                 permission="dummy.thing.view", shape="formula", dimensions=("colour",))

hooks = Hooks(
    blueprint=blueprint,
    site_blueprint=site_blueprint,
    resources=(thing,),
    permissions={"dummy.bell.ring": "Ring the bell"},
    grants={"manager": ("dummy.bell.ring",)},
    slots=("dummy.corner",),
    events=("dummy.bell_rung",),
    items=(
        Item(slot="nav", label="Things", endpoint="dummy.thing_list", permission="dummy.thing.view"),
        Item(slot="create", label="Thing", endpoint="dummy.thing_new", permission="dummy.thing.create"),
    ),
    columns=(
        Column(resource="contacts.account", name="things", label="Things", permission="dummy.thing.view",
               values=things_of, numeric=True),
    ),
    metrics=(
        Metric(id="dummy.things", label="Things", describe="How many things there are.", row="–", unit="count",
               build=count_things, drill=lambda _query: select(Thing.id), permission="dummy.thing.view",
               dimensions=("colour",)),
    ),
    company_metrics=lambda: (doubled,),
    dimensions=(Dimension(name="colour", label="Colour"),),
    handlers={"dummy.bell_rung": heard},
    timeline=(Timeline(resource="contacts.account", permission="dummy.thing.view", entries=entries),),
    merges=(
        Merge(resource="contacts.account", merged=lambda *what: seen.append(("merged", what)),
              unmerged=lambda *what: seen.append(("unmerged", what))),
    ),
    personal=(
        Personal(resource="contacts.contact", gather=lambda row_id: {"Things": [{"Name": f"of {row_id}"}]},
                 scrub=lambda row_id: seen.append(("scrubbed", row_id))),
    ),
    settings={Settings: (Integer("most", "Most things of an account"),)},
    jobs={"dummy.tidy": tidy},
    schedules=(Schedule(job="dummy.tidy", every_minutes=60),),
    demo=lambda plan: seen.append(("demo", plan.today)),
    on_enable=lambda: seen.append(("on", current_app.name)),
    on_disable=lambda: seen.append(("off", current_app.name)),
)
