"""What the demo company wants, the days on which nobody works there, and the figures it made itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from babel.dates import format_date
from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Holiday, Membership
from app.core.relative_dates import around
from app.core.writes import bulk_insert
from app.modules.kpi.models import MONTH, YEAR
from app.modules.kpi.own.models import FORMULA, MANUAL, MEAN, SUM, OwnMetric
from app.modules.kpi.own.services import add_values, create_metric
from app.modules.kpi.quantities import Given
from app.modules.kpi.vision.models import OBJECTIVE, PILLAR, VISION
from app.modules.kpi.vision.services import create_objective

# Month and day -> name; Good Friday moves.
HOLIDAYS = {
    (1, 1): "Año Nuevo", (1, 6): "Epifanía del Señor", (5, 1): "Fiesta del Trabajo", (8, 15): "Asunción de la Virgen",
    (10, 12): "Fiesta Nacional de España", (11, 1): "Todos los Santos", (12, 6): "Día de la Constitución",
    (12, 8): "Inmaculada Concepción", (12, 25): "Navidad",
}  # fmt: skip
VISION_NAME = "Ser el socio industrial en el que la alimentación española confía primero"
VISION_NOTE = "Que ninguna fábrica pare por nosotros, y que cada cliente nos recomiende a otro."
# Pillar -> what it means, and its objectives by the key that goals name them by.
PILLARS = {
    "Crecer con rentabilidad": (
        "Más ventas en las líneas que mejor conocemos, sin regalar margen.",
        {"sales": "Crecer un 10 % al año en envasado y paletizado", "new": "Abrir una cartera sólida de clientes nuevos"},
    ),
    "Clientes que repiten": (
        "El cliente que compra una vez vuelve a comprar.",
        {"keep": "Conservar y ampliar los clientes actuales", "fast": "Decidir cada oferta antes que la competencia"},
    ),
    "Un equipo comercial de referencia": (
        "Cada comercial sabe qué se espera y dedica su tiempo a lo que cuenta.",
        {"visits": "Estar más tiempo con el cliente", "clean": "Un embudo limpio y una previsión que se cumple"},
    ),
}
ROUTE, MOOD = "Visitas según ruta", "Satisfacción tras la visita"
INTEGRATED = "Ventas por parámetros"
MONTHS_TOLD = 15
ONE_DAY = timedelta(days=1)


def holidays(plan: DemoPlan) -> None:
    """The national holidays of Spain: last year's, this year's and those of the next."""
    years = range(plan.today.year - 1, plan.today.year + 2)
    rows = [{"day": date(year, *day), "name": name} for year in years for day, name in HOLIDAYS.items()]
    rows += [{"day": good_friday(year), "name": "Viernes Santo"} for year in years]
    bulk_insert(Holiday, sorted(rows, key=lambda row: row["day"]))
    g.pop("holidays", None)


def good_friday(year: int) -> date:
    """Two days before Easter Sunday, by the rule that J.-M. Oudin gave in 1940."""
    golden, century = year % 19, year // 100
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    after = moon - weekday
    month = 3 + (after + 40) // 44
    return date(year, month, after + 28 - 31 * (month // 4)) - 2 * ONE_DAY


def tree(plan: DemoPlan) -> dict[str, int]:
    """The vision, three pillars and six objectives; the ids of these by key."""
    keepers = list(db.session.scalars(select(Membership.id).order_by(Membership.id)))
    until = around(plan.today, YEAR)[1]
    top = create_objective({"level": VISION, "name": VISION_NAME, "note": VISION_NOTE, "keeper_id": keepers[0]})
    found = {}
    for number, (name, (note, objectives)) in enumerate(PILLARS.items()):
        pillar = create_objective({"level": PILLAR, "parent_id": top.id, "name": name, "note": note, "keeper_id": keepers[number]})
        for key, said in objectives.items():
            told = {"level": OBJECTIVE, "parent_id": pillar.id, "name": said, "keeper_id": keepers[number], "last_day": until}
            found[key] = create_objective(told).id
    return found


def metrics(plan: DemoPlan) -> None:
    """Visits from the route planner (imported), how content customers were (told by people), and a formula over figures."""
    keeper = db.session.scalar(select(Membership.id).where(Membership.email == "manager@demo.example"))
    route = create_metric({
        "name": ROUTE, "kind": MANUAL, "unit": "count", "gathered": SUM, "keeper_id": keeper,
        "describe": "Visitas a clientes que registra el planificador de rutas, por comercial y mes.",
    })  # fmt: skip
    mood = create_metric({
        "name": MOOD, "kind": MANUAL, "unit": "count", "gathered": MEAN, "cadence": MONTH, "keeper_id": keeper,
        "describe": "Nota media, de 1 a 10, de la encuesta que el cliente contesta después de una visita.",
    })  # fmt: skip
    create_metric({
        "name": INTEGRATED, "kind": FORMULA, "unit": "money", "keeper_id": keeper,
        "describe": "Lo que deberían traer las visitas: visitas × contacto efectivo × conversión × venta media.",
        "formula": f"kpi.{route.key} × crm.effective_contact_rate × crm.created_win_rate × crm.average_deal_size",
    })  # fmt: skip
    add_values([*_route(plan, route), *_mood(plan, mood)])


def _months(plan: DemoPlan) -> list[tuple[date, date]]:
    """The last months that are over, oldest first."""
    found, last = [], plan.today.replace(day=1) - ONE_DAY
    for _turn in range(MONTHS_TOLD):
        found.append((last.replace(day=1), last))
        last = last.replace(day=1) - ONE_DAY
    return found[::-1]


def _route(plan: DemoPlan, metric: OwnMetric) -> Iterator[dict]:
    """What the route planner counted: the visits of the CRM, and those that nobody wrote down there."""
    months = _months(plan)
    query = MetricQuery(start=months[0][0], end=months[-1][1], by=("owner", "month"), filters={"kind": ["visit", "meeting"]})
    known = {(row.keys["owner"], row.keys["month"]): row.n for row in evaluate("crm.activities_done", query).rows}
    for first, last in months:
        for rep in plan.reps:
            counted = known.get((rep.id, first.year * 12 + first.month - 1), 0) + plan.random.randrange(0, 3)
            yield {"metric_id": metric.id, "on_day": last, "owner_id": rep.id, "amount": Given(Decimal(counted)),
                   "evidence": f"Planificador de rutas, exportación de {_month(first)}",
                   "external_id": f"ruta-{first:%Y-%m}-{rep.id}"}  # fmt: skip


def _mood(plan: DemoPlan, metric: OwnMetric) -> Iterator[dict]:
    """How content customers were, by rep and month; where the visits are few they get worse."""
    level = {rep.id: Decimal(plan.random.choice(("7.6", "8.0", "8.2", "8.5", "8.8"))) for rep in plan.reps}
    for first, last in _months(plan):
        for rep in plan.reps:
            noise = Decimal(plan.random.randrange(-6, 7)) / 10
            answers = plan.random.randrange(3, 15)
            yield {"metric_id": metric.id, "on_day": last, "owner_id": rep.id, "amount": Given(min(level[rep.id] + noise, Decimal(10))),
                   "evidence": f"Encuesta de visita, {_month(first)}: {answers} respuestas", "external_id": f"encuesta-{first:%Y-%m}-{rep.id}"}  # fmt: skip


def _month(first: date) -> str:
    return format_date(first, "MMMM 'de' y", locale="es")
