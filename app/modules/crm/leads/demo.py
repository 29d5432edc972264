"""Leads of the demo company: 18 months of them. Fairs bring many and few of those are converted; referrals are few and good."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from app.core.clock import noon
from app.core.db import db
from app.core.demo import DemoPlan
from app.core.models import Change
from app.core.writes import bulk_insert
from app.modules.crm.leads import demo_calls
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, WORKING, Campaign, Lead, Medium, Source
from app.modules.crm.models import DISCARDED, Deal, Reason
from app.modules.crm.recording import team_on

PER_MONTH = 30
FRESH = 6  # days in which a lead is not attended to yet
LONGEST = 75  # days after which one is given up
# Source -> how often it is met, share converted, the medium by which it mostly comes.
SOURCES = {
    "Feria": (30, 0.18, "Visita"), "Web": (26, 0.26, "Formulario web"), "Recomendación": (12, 0.58, "Teléfono"),
    "Buscador": (12, 0.22, "Formulario web"), "Distribuidor": (8, 0.45, "Correo electrónico"),
    "Prospección propia": (8, 0.3, "Teléfono"), "Redes sociales": (4, 0.12, "Anuncio"),
}  # fmt: skip
FIRST = ("Lucía", "Marta", "Pablo", "Javier", "Nuria", "Álvaro", "Elena", "Rubén", "Iria", "Gonzalo", "Pilar", "Óscar", "Inés", "Raúl")
LAST = ("Beltrán", "Sanchis", "Ferrer", "Otero", "Pascual", "Iglesias", "Roldán", "Cano", "Ibáñez", "Soler", "Vidal", "Campos")
FIRMS = ("Conservas", "Talleres", "Bodegas", "Lácteos", "Plásticos", "Cárnicas", "Aceites", "Papelera", "Harinas", "Cerámicas")
PLACES = (("del Turia", "Valencia"), ("Ría Baja", "Vigo"), ("Monegros", "Zaragoza"), ("La Plana", "Castellón"), ("del Ebro", "Logroño"),
          ("Campo de Criptana", "Ciudad Real"), ("Urola", "Azpeitia"), ("Costa Cálida", "Murcia"))  # fmt: skip
WISHES = ("Etiquetadora", "Paletizador automático", "Mantenimiento anual", "Detector de metales", "Cintas transportadoras", "Repuestos")
JOBS = ("Compras", "Dirección técnica", "Producción", "Gerencia", "Mantenimiento")
TAGS = ("urgente", "exportación", "segunda visita", "pide catálogo", "grupo industrial")
DEAL_TAGS = ("llave en mano", "renovación", "exportación", "urgente", "financiación, llave en mano", "ampliación")
CAMPAIGNS = (("Hispack", 4, "18500"), ("Alimentaria", 11, "24000"), ("Boletín de primavera", 14, "1900"))


def fill(plan: DemoPlan) -> None:
    """Campaigns, leads in every state, and where the deals came from."""
    campaigns = _campaigns(plan)
    maker = _Maker(plan, campaigns)
    rows, day = [], plan.first_day
    while day <= plan.today:
        if day.weekday() < 5 and day.month != 8:
            rows += [maker.lead(day) for _ in range(PER_MONTH // 21 + int(plan.random.random() < PER_MONTH / 21 % 1))]
        day += timedelta(days=1)
    plan.made["crm.lead"] = bulk_insert(Lead, rows)
    _told_when_it_came()
    _origins_of_deals(plan, maker)
    _tags_of_deals(plan)
    demo_calls.fill(plan)


def _told_when_it_came() -> None:
    """The history of a lead begins when it came in, by who got it: the demo was not there yet."""
    of_lead = Lead.id == Change.row_id
    began = {"at": select(Lead.opened_at).where(of_lead).scalar_subquery(), "actor_id": select(Lead.owner_id).where(of_lead).scalar_subquery()}
    quiet = {"synchronize_session": False, "all_rows": True}
    db.session.execute(update(Change).where(Change.table_name == Lead.__tablename__).values(began), execution_options=quiet)


def _campaigns(plan: DemoPlan) -> dict[str, tuple[int, date]]:
    found = {}
    for place, (name, month, cost) in enumerate(CAMPAIGNS, start=1):
        begins = plan.first_day + timedelta(days=30 * month)
        row = Campaign(name=f"{name} {begins.year}", starts_on=begins, ends_on=begins + timedelta(days=4), position=place,
                       cost_minor=int(cost) * 100, currency="EUR")  # fmt: skip
        db.session.add(row)
        db.session.flush()
        found[name] = (row.id, begins)
    return found


class _Maker:
    """Makes the rows of leads; all chance comes from the plan."""

    def __init__(self, plan: DemoPlan, campaigns: dict[str, tuple[int, date]]) -> None:
        self.plan, self.chance, self.campaigns = plan, plan.random, campaigns
        self.sources = dict(db.session.execute(select(Source.name, Source.id)).all())
        self.media = dict(db.session.execute(select(Medium.name, Medium.id)).all())
        self.reasons = list(db.session.scalars(select(Reason.id).where(Reason.kind == DISCARDED)))
        self.teams = {rep.id: team_on(rep.id, plan.today) for rep in plan.reps}
        self.deals = self._deals()

    def _deals(self) -> dict[int, list[Any]]:
        """Deals by owner, the oldest first, for leads to have become."""
        columns = (Deal.id, Deal.owner_id, Deal.opened_on, Deal.account_id, Deal.contact_id, Deal.product)
        found: dict[int, list[Any]] = {}
        for row in db.session.execute(select(*columns).order_by(Deal.opened_on, Deal.id)):
            found.setdefault(row.owner_id or 0, []).append(row)
        return found

    def lead(self, day: date) -> dict[str, Any]:
        name = self.chance.choices(list(SOURCES), weights=[often for often, _share, _medium in SOURCES.values()])[0]
        _often, share, medium = SOURCES[name]
        rep, (place, city) = self._rep(), self.chance.choice(PLACES)
        first, last, firm = self.chance.choice(FIRST), self.chance.choice(LAST), self.chance.choice(FIRMS)
        domain = f"{firm}{place}".lower().replace(" ", "")
        for accented, plain in zip("áéíóúñ", "aeioun", strict=True):
            domain = domain.replace(accented, plain)
        wish = self.chance.choice(WISHES) if self.chance.random() < 0.7 else None
        row: dict[str, Any] = {
            "name": f"{first} {last}", "organisation": f"{firm} {place}", "city": city, "country": "España",
            "job_title": self.chance.choice(JOBS), "email": f"{'info' if self.chance.random() < .4 else 'compras'}@{domain}.example",
            "phone": f"+34 9{self.chance.randrange(10, 89)} {self.chance.randrange(100, 999)} {self.chance.randrange(100, 999)}",
            "product": wish, "amount_minor": self.chance.randrange(6, 90) * 100_000 if wish and self.chance.random() < 0.6 else None,
            "currency": "EUR", "source_id": self.sources.get(name), "medium_id": self.media.get(medium),
            "campaign_id": self._campaign(day) if name in ("Feria", "Web") else None,
            "tags": self.chance.choice(TAGS) if self.chance.random() < 0.25 else "",
            "owner_id": rep.id, "team_id": self.teams[rep.id], "opened_on": day, "opened_at": noon(day),
        }  # fmt: skip
        return row | self._outcome(row, day, share)

    def _rep(self) -> Any:
        """Who gets a lead: the rep who can log in more often, as with deals."""
        return self.chance.choices(self.plan.reps, weights=[4, *([1] * (len(self.plan.reps) - 1))])[0]

    def _campaign(self, day: date) -> int | None:
        return next((key for key, begins in self.campaigns.values() if 0 <= (day - begins).days < 45), None)

    def _outcome(self, row: dict[str, Any], day: date, share: float) -> dict[str, Any]:
        age, chance = (self.plan.today - day).days, self.chance.random()
        found: dict[str, Any] = {"state": NEW, "reason_id": None, "converted_on": None, "converted_at": None,
                                 "converted_by_id": None, "account_id": None, "contact_id": None, "deal_id": None}  # fmt: skip
        if age < FRESH or (age < 2 * FRESH and chance > 0.8):
            return found
        if chance < share and (became := self._became(row["owner_id"], day)):
            return found | became
        if chance < share + 0.45 and age > 30:
            return found | {"state": DISQUALIFIED, "reason_id": self.chance.choice(self.reasons)}
        if age > LONGEST:  # nobody works on a lead for ever
            return found | {"state": DISQUALIFIED, "reason_id": self.chance.choice(self.reasons)}
        return found | {"state": WORKING}

    def _became(self, owner_id: int, day: date) -> dict[str, Any] | None:
        """The owner's next deal that was opened after the lead came in."""
        mine = self.deals.get(owner_id, [])
        deal = next((d for d in mine if 1 <= (d.opened_on - day).days <= 40), None)
        if deal is None:
            return None
        mine.remove(deal)
        return {"state": CONVERTED, "converted_on": deal.opened_on, "converted_at": noon(deal.opened_on), "converted_by_id": owner_id,
                "account_id": deal.account_id, "contact_id": deal.contact_id, "deal_id": deal.id}  # fmt: skip


def _origins_of_deals(plan: DemoPlan, maker: _Maker) -> None:
    """Deals come from somewhere: those that were leads from where the lead came, the others from old customers mostly."""
    quiet = {"synchronize_session": False, "all_rows": True}
    mine = db.session.execute(select(Lead.deal_id, Lead.source_id, Lead.medium_id, Lead.campaign_id).where(Lead.deal_id.is_not(None)))
    taken = set()
    for deal_id, source_id, medium_id, campaign_id in mine.all():
        taken.add(deal_id)
        origin = {"source_id": source_id, "medium_id": medium_id, "campaign_id": campaign_id}
        db.session.execute(update(Deal).where(Deal.id == deal_id).values(origin), execution_options=quiet)
    names = ("Prospección propia", "Recomendación", "Distribuidor", "Web")
    chosen: dict[str, list[int]] = {name: [] for name in names}
    for deal_id in plan.made.get("crm.deal", ()):
        if deal_id not in taken and plan.random.random() < 0.8:
            chosen[plan.random.choices(names, weights=(4, 3, 2, 2))[0]].append(deal_id)
    for name, ids in chosen.items():
        if source_id := maker.sources.get(name):
            for start in range(0, len(ids), 500):
                part = update(Deal).where(Deal.id.in_(ids[start : start + 500]))
                db.session.execute(part.values(source_id=source_id), execution_options=quiet)


def _tags_of_deals(plan: DemoPlan) -> None:
    """A fifth of the deals has tags."""
    tagged: dict[str, list[int]] = {text: [] for text in DEAL_TAGS}
    for deal_id in plan.made.get("crm.deal", ()):
        if plan.random.random() < 0.2:
            tagged[plan.random.choice(DEAL_TAGS)].append(deal_id)
    for text, ids in tagged.items():
        part = update(Deal).where(Deal.id.in_(ids)).values(tags=text)
        db.session.execute(part, execution_options={"synchronize_session": False, "all_rows": True})
