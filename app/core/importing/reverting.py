"""Taking an import back: rows that it made go to the trash, rows that it changed get their old values back.

Rows that somebody changed since are left alone and listed, unless whoever takes it back says otherwise; what cannot go
(members, settings in use) stays and is listed. All in one transaction, through the resources' own write functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import g
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.core import trash
from app.core.access import can
from app.core.db import Owned, Versioned, db
from app.core.errors import Refusal
from app.core.i18n import _
from app.core.importing import engine, running, staging
from app.core.importing.effects import LOOKUP, UPDATED, Effect, effects_of, versions_of
from app.core.importing.models import DONE, REVERTED, REVERTING, ImportBatch
from app.core.importing.uploads import new_run, step
from app.core.jobs import core_job
from app.core.models import Company
from app.core.resource import Resource

MOST_LISTED = 1000

Listed = tuple[str, str, int, str]  # label of the resource, its key, id, title


@dataclass
class RevertPlan:
    """What taking a batch back would do, or did: how many rows that it made go, how many that it changed are put back.

    `edited` were changed since: (label of the resource, its key, id, title). `staying` cannot go, with why as the fifth.
    `hidden` rows were changed since and are no longer the person's to see: they stay and are not named.
    """

    created: int = 0
    updated: int = 0
    edited: list[Listed] = field(default_factory=list)
    staying: list[tuple[str, str, int, str, str]] = field(default_factory=list)
    hidden: int = 0


def reverting(batch: ImportBatch) -> RevertPlan:
    """What taking a batch back would do now. Writes nothing."""
    plan = RevertPlan()
    for effect in effects_of(batch.id):
        present, edited, hidden = _present(effect)
        _list(plan.edited, effect.resource, edited)
        plan.hidden += hidden
        if effect.kind == UPDATED:
            plan.updated += len(present)
        elif effect.resource.removable:
            plan.created += len(present)
        else:
            _list_staying(plan, effect.resource, present, _not_removable())
    return plan


def revert_now(batch: ImportBatch, include_edited: bool = False) -> RevertPlan:
    """Take a batch back here and now: what the command line does. Commits. Raises `Conflict`."""
    run = new_run()
    before = (DONE, REVERTED) if include_edited else (DONE,)
    step(batch, before, state=REVERTING, run=run, tries=0, done=0, error="", cancel=False)
    try:
        return _revert(batch, run, include_edited)
    except BaseException:
        db.session.rollback()
        step(batch, (REVERTING,), state=DONE, run="")
        raise


@core_job("core.import_revert")
def import_revert(company_id: int, member_id: int | None, batch_id: int, run: str, include_edited: bool = False) -> None:
    """Take a batch back in one transaction."""

    def work(batch: ImportBatch, run: str) -> None:
        _revert(batch, run, include_edited)

    running.perform(work, REVERTING, company_id, member_id, batch_id, run)


def _revert(batch: ImportBatch, run: str, include_edited: bool) -> RevertPlan:
    g.write_source = "import"
    g.request_id = f"revert-{batch.id}"
    # Of two that write much into one company the second waits.
    db.session.execute(select(Company.id).where(Company.id == g.company.id).with_for_update(key_share=True))
    done = _Reverter(batch.id, include_edited, engine.teller(batch.id, run, REVERTING)).revert()
    report = {**batch.report, "reverted": asdict(done)}
    staging.advance(batch.id, run, REVERTING, state=REVERTED, run="", report=report)
    db.session.commit()
    db.session.refresh(batch)
    return done


class _Reverter:
    """Takes the effects of a batch back, the last first; rows that others of the batch refer to go after those."""

    def __init__(self, batch_id: int, include_edited: bool, progress: Callable[[int], None]) -> None:
        self.batch_id, self.include_edited, self._progress = batch_id, include_edited, progress
        self.done = RevertPlan()
        self._handled = 0

    def revert(self) -> RevertPlan:
        effects = list(effects_of(self.batch_id))[::-1]
        steps = (self._restore, self._remove, self._remove_lookups)
        for kind, step_ in zip((UPDATED, "created", LOOKUP), steps, strict=True):
            for effect in effects:
                if effect.kind == kind:
                    step_(effect)
                    self._handled += len(effect.rows)
                    self._progress(self._handled)
        return self.done

    def _due(self, effect: Effect) -> list[int]:
        """Ids of the rows that are there and may be touched; the others of them are listed."""
        # Held from here on: who saves now has to wait, and then finds the row gone or as it was before the import.
        trash.lock_rows(effect.resource.model, sorted(row_id for row_id, _version in effect.rows))
        unedited, edited, hidden = _present(effect)
        self.done.hidden += hidden
        if self.include_edited and can(effect.resource.permission("edit" if effect.kind == UPDATED else "delete")):
            both = {*unedited, *edited}
            return [row_id for row_id, _version in effect.rows if row_id in both]
        _list(self.done.edited, effect.resource, edited)
        return unedited

    def _restore(self, effect: Effect) -> None:
        resource, due = effect.resource, self._due(effect)
        model: Any = resource.model
        wanted = dict(zip((row_id for row_id, _version in effect.rows), effect.before, strict=True))
        rows = select(model).where(model.id.in_(due)).order_by(model.id).with_for_update()
        for row in db.session.scalars(rows, execution_options={"all_rows": True}).all():
            values = {n: v for n, v in wanted[row.id].items() if _may_set(resource, n)}
            try:
                with db.session.begin_nested():
                    resource.change(row, values)
            except (Refusal, IntegrityError) as error:
                self._stays(resource, [row.id], _sentence(error))
                continue
            self.done.updated += 1
            left = [n for n, v in values.items() if resource.field(n).attributes and resource.field(n).of(row) != v and (v or resource.field(n).of(row))]
            if left:
                names = ", ".join(str(resource.field(name).label) for name in left)
                self._stays(resource, [row.id], _("Cannot be put back: %(fields)s.", fields=names))

    def _remove(self, effect: Effect) -> None:
        self._throw_away(effect.resource, self._due(effect))

    def _remove_lookups(self, effect: Effect) -> None:
        due = self._due(effect)
        if issubclass(effect.resource.model, Owned):
            # Nothing keeps an account from going but that it would leave others without.
            used = [row_id for row_id in due if _in_use(effect.resource, row_id)]
            self._stays(effect.resource, used, _("Other rows refer to it."))
            due = [row_id for row_id in due if row_id not in used]
        self._throw_away(effect.resource, due)

    def _throw_away(self, resource: Resource, ids: Sequence[int]) -> None:
        """To the trash; where a chunk is refused, row by row, the last first."""
        if not ids:
            return
        if not resource.removable:
            self._stays(resource, ids, _not_removable())
            return
        try:
            with db.session.begin_nested():
                resource.remove(ids, why=trash.REVERTED, group=f"import-{self.batch_id}")
        except (Refusal, IntegrityError) as error:
            if len(ids) == 1:
                self._stays(resource, ids, _sentence(error))
                return
            for row_id in sorted(ids, reverse=True):
                self._throw_away(resource, [row_id])
            return
        self.done.created += len(ids)

    def _stays(self, resource: Resource, ids: Sequence[int], why: str) -> None:
        _list_staying(self.done, resource, ids, why)


def _present(effect: Effect) -> tuple[list[int], list[int], int]:
    """Ids of the rows of an effect that are still there, as they were left and edited since; and how many of the latter
    are no longer the person's to see."""
    now = versions_of(effect.resource, [row_id for row_id, _version in effect.rows])
    same = [row_id for row_id, version in effect.rows if now.get(row_id) == version]
    edited = [row_id for row_id, version in effect.rows if now.get(row_id, version) != version]
    model: Any = effect.resource.model
    seen = set(db.session.scalars(select(model.id).where(model.id.in_(edited)))) if edited else set()
    visible = [row_id for row_id in edited if row_id in seen]
    return same, visible, len(edited) - len(visible)


def _in_use(resource: Resource, row_id: int) -> bool:
    """Whether a record that does not lie in the trash refers to a row."""
    for mapped, column in trash.references_to(resource.model):
        if issubclass(mapped, Versioned):
            rows = select(func.count()).select_from(mapped).where(getattr(mapped, column) == row_id)
            if db.session.scalar(rows, execution_options={"all_rows": True}):
                return True
    return False


def _may_set(resource: Resource, name: str) -> bool:
    typed = resource.field(name)
    return typed.editable or typed.importable


def _not_removable() -> str:
    return _("Rows of this kind are not thrown away.")


def _sentence(error: Exception) -> str:
    if isinstance(error, Refusal):
        return error.message
    return _("This clashes with what is stored: it exists already, or what it refers to is gone.")


def _list(found: list[Listed], resource: Resource, ids: Sequence[int]) -> None:
    label = str(resource.label)
    found += [(label, resource.key, row_id, title) for row_id, title in _titles(resource, ids[: MOST_LISTED - len(found)])]


def _list_staying(plan: RevertPlan, resource: Resource, ids: Sequence[int], why: str) -> None:
    named: list[Listed] = []
    _list(named, resource, ids[: MOST_LISTED - len(plan.staying)])
    plan.staying += [(*line, why) for line in named]


def _titles(resource: Resource, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    if ids:
        model: Any = resource.model
        rows = select(model.id, getattr(model, resource.title)).where(model.id.in_(ids)).order_by(model.id)
        for row_id, title in db.session.execute(rows):
            yield row_id, str(title or "")
