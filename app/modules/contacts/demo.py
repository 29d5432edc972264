"""Accounts and people of the demo company: Spanish industry, with a few groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.core.db import db, fold
from app.core.demo import DemoPlan
from app.core.money import Money
from app.core.writes import bulk_insert
from app.modules.contacts.models import Account, Contact
from app.modules.contacts.services import hand_over, note_owners

ACCOUNTS, ACCOUNTS_SMALL = 400, 24
SECTORS: dict[str, tuple[tuple[str, ...], tuple[int, int]]] = {
    "Alimentación": (("Conservas", "Cárnicas", "Lácteos", "Aceites", "Zumos", "Embutidos", "Frutos Secos", "Galletas", "Harinas"), (20, 600)),
    "Cítricos y hortalizas": (("Cítricos", "Naranjas", "Hortalizas", "Cooperativa Agrícola", "Arrocera"), (15, 350)),
    "Cerámica": (("Cerámicas", "Azulejos", "Esmaltes", "Gres"), (40, 900)),
    "Metal": (("Metales", "Talleres", "Fundiciones", "Mecanizados", "Estructuras"), (12, 400)),
    "Química": (("Químicas", "Pinturas", "Plásticos", "Laboratorios", "Envases"), (25, 700)),
    "Vino y bebidas": (("Bodegas", "Viñedos", "Licores", "Cervezas"), (8, 180)),
    "Papel y textil": (("Papelera", "Textiles", "Tejidos", "Cartonajes"), (20, 450)),
    "Hostelería": (("Hotel", "Balneario"), (15, 220)),
}
PLACES = {
    "Levante": ("Valencia", "Alcoy", "Castellón", "Sagunto", "Elche", "Gandia", "Onda", "Xàtiva", "Requena", "Murcia", "Utiel", "Alzira"),
    "Centro": ("Madrid", "Toledo", "Guadalajara", "Getafe", "Albacete", "Cuenca", "Talavera", "Alcalá", "Ciudad Real", "Segovia"),
    "Norte": ("Bilbao", "Vitoria", "Pamplona", "Logroño", "Santander", "Eibar", "Tolosa", "Burgos", "Miranda", "Gijón"),
}
SECOND = ("del Turia", "de la Ribera", "San Miguel", "Hermanos Vidal", "La Plana", "del Sur", "Roca", "Montesa", "del Valle",
          "Peñafiel", "Altamira", "Ibérica", "del Ebro", "Serrano", "Garrido", "Moncayo", "Santa Clara", "Ortiz", "del Norte",
          "La Encina", "Aranda", "Castillo", "Benavent", "del Mar", "Puig", "Zubiri", "Olmedo", "Villar", "Sierra", "Marín")
SEGMENTS = ("C", "B", "A")  # by size
FORMS = ("S.L.", "S.A.", "S. Coop.", "S.L.U.")
FIRST_NAMES = ("Rosa", "Enric", "Teresa", "Manuel", "Laura", "Pablo", "Isabel", "Andrés", "Cristina", "Joan", "Elena", "Íñigo",
               "Beatriz", "Fernando", "Silvia", "Miguel", "Nuria", "Óscar", "Patricia", "Rubén", "Mercedes", "Gonzalo")
LAST_NAMES = ("Sanchis", "Puchades", "Lluch", "García", "Martínez", "Esteve", "Romero", "Vega", "Sáez", "Iglesias", "Arrieta",
              "Cano", "Fuentes", "Mora", "Pascual", "Quintana", "Rivas", "Soriano", "Tena", "Zabala", "Blasco", "Nebot")
JOBS = ("Gerente", "Directora de operaciones", "Jefe de mantenimiento", "Responsable de compras", "Directora financiera",
        "Jefa de producción", "Ingeniero de planta")


def fill(plan: DemoPlan) -> None:
    """About 400 accounts (24 in a small company), each in the region of its owner's team, and their people."""
    names: set[str] = set()
    rows = [_account(plan, names) for _ in range(ACCOUNTS_SMALL if plan.small else ACCOUNTS)]
    ids = bulk_insert(Account, rows)
    note_owners(zip(ids, (row["owner_id"] for row in rows), strict=True), plan.first_day)
    plan.made["contacts.account"] = ids
    _hand_overs(plan, ids, rows)
    people = [_person(plan, account_id, row) for account_id, row in zip(ids, rows, strict=True)
              for _ in range(plan.random.choice((0, 1, 1, 1, 2, 3)))]
    plan.made["contacts.contact"] = bulk_insert(Contact, people)
    _groups(plan, ids, rows)


def _account(plan: DemoPlan, names: set[str]) -> dict[str, Any]:
    chance = plan.random
    owner = chance.choice(plan.reps)
    city = chance.choice(PLACES[plan.team_of.get(owner.id, "Norte")])
    sector = chance.choice(list(SECTORS))
    kinds, (least, most) = SECTORS[sector]
    name = f"{chance.choice(kinds)} {chance.choice((*SECOND, f'de {city}', city))}"
    while name in names:
        name = f"{chance.choice(kinds)} {chance.choice(SECOND)} de {city}" if name.count(" ") < 4 else f"{name} {len(names)}"
    names.add(name)
    employees = int(least + (most - least) * chance.random() ** 2.2)
    return {
        "name": name,
        "parent_id": None,
        "sector": sector,
        "segment": SEGMENTS[(employees > 60) + (employees > 220)],
        "target": employees > 220 and chance.random() < 0.6,
        "tax_id": f"{chance.choice('AB')}{chance.randrange(10_000_000, 99_999_999)}",
        "website": f"https://www.{fold(name).replace(' ', '').replace('.', '')}.example",
        "email": f"info@{fold(name).replace(' ', '').replace('.', '')}.example",
        "phone": f"+34 9{chance.randrange(10, 99)} {chance.randrange(100, 999)} {chance.randrange(100, 999)}",
        "city": city,
        "country": "España",
        "founded": chance.randrange(1925, 2019),
        "employees": employees,
        "annual_revenue_minor": Money.of(round(employees * chance.uniform(90, 260)) * 1000, "EUR").minor,
        "currency": "EUR",
        "owner_id": owner.id,
        "note": f"Razón social: {name}, {chance.choice(FORMS)}",
    }


def _person(plan: DemoPlan, account_id: int, account: dict[str, Any]) -> dict[str, Any]:
    chance = plan.random
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    domain = account["website"].removeprefix("https://www.")
    return {
        "name": f"{first} {last}",
        "account_id": account_id,
        "job_title": chance.choice(JOBS),
        "email": f"{fold(first)}.{fold(last)}@{domain}",
        "phone": account["phone"],
        "mobile": f"+34 6{chance.randrange(10, 99)} {chance.randrange(100, 999)} {chance.randrange(100, 999)}",
        "owner_id": account["owner_id"],
    }


def _hand_overs(plan: DemoPlan, ids: list[int], rows: list[dict[str, Any]]) -> None:
    """Some accounts were somebody else's first, of the same team: they came to who has them now within the last year."""
    for account_id, row in plan.random.sample(list(zip(ids, rows, strict=True)), len(ids) // 16):
        team = plan.team_of.get(row["owner_id"])
        others = [rep.id for rep in plan.reps if rep.id != row["owner_id"] and plan.team_of.get(rep.id) == team]
        if others:
            hand_over(account_id, plan.random.choice(others), plan.first_day)
            hand_over(account_id, row["owner_id"], plan.today - timedelta(days=plan.random.randrange(20, 330)))


def _groups(plan: DemoPlan, ids: list[int], rows: list[dict[str, Any]]) -> None:
    """The largest accounts of each sector head a group of two or three others of it."""
    by_sector: dict[str, list[int]] = {}
    for account_id, row in sorted(zip(ids, rows, strict=True), key=lambda pair: -pair[1]["employees"]):
        by_sector.setdefault(row["sector"], []).append(account_id)
    for members in by_sector.values():
        head, *others = members
        for account_id in plan.random.sample(others, min(len(others), plan.random.choice((2, 3)))):
            account = db.session.get_one(Account, account_id)
            account.parent_id = head
    db.session.flush()
