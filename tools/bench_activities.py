"""As many activities as wanted, through the product's own bulk path: most of them done in three years, some still to be done."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core.clock import noon, today
from app.core.db import db
from app.core.models import TeamMember
from app.core.tenancy import acting_for
from app.core.writes import roomy
from app.modules.crm.activities.bulk import import_activities
from app.modules.crm.activities.models import ActivityOutcome, ActivityType
from app.modules.crm.models import OPEN, Deal

CHUNK = 10_000  # activities a transaction
DAYS = 3 * 365  # of history
PLANNED = 0.02
WITH_OUTCOME = 0.8
SHARED = 0.03  # with a colleague
WORDS = ("Offer", "Contract", "Delivery", "Samples", "Prices", "Visit of the plant", "Spare parts", "Maintenance")
ALL = {"all_rows": True}


def add_activities(company_id: int, count: int, seed: int) -> None:
    """Add activities over the deals there are, the open ones more often."""
    with acting_for(company_id):
        maker = _Maker(random.Random(seed))  # noqa: S311  # test data, no secret
    for start in range(0, count, CHUNK):
        with acting_for(company_id), roomy():
            import_activities([maker.activity() for _number in range(min(CHUNK, count - start))])


class _Maker:
    """Makes the rows of activities; all chance comes from outside."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.today = chance, today()
        self.types = db.session.scalars(select(ActivityType.id).order_by(ActivityType.id)).all()
        self.outcomes = self._outcomes()
        self.owners = db.session.scalars(select(TeamMember.member_id).order_by(TeamMember.id)).all()
        self.deals = db.session.scalars(select(Deal.id).order_by(Deal.id), execution_options=ALL).all()
        self.open = db.session.scalars(select(Deal.id).where(Deal.state == OPEN).order_by(Deal.id), execution_options=ALL).all()

    def _outcomes(self) -> dict[int, Sequence[int]]:
        """What can come of each type when it is done."""
        kinds: Sequence[Any] = db.session.execute(select(ActivityType.id, ActivityType.kind)).all()
        outcomes = db.session.scalars(select(ActivityOutcome).where(ActivityOutcome.cancelled.is_(False))).all()
        return {t.id: [o.id for o in outcomes if not o.kinds or t.kind in o.kinds.split(",")] for t in kinds}

    def activity(self) -> dict[str, Any]:
        """An activity, done or still to be done."""
        chance, type_id = self.chance, self.chance.choice(self.types)
        row: dict[str, Any] = {
            "type_id": type_id,
            "subject": f"{chance.choice(WORDS)} {chance.randrange(100)}",
            "owner_id": chance.choice(self.owners),
        }
        if chance.random() < SHARED:
            row["members"] = [chance.choice(self.owners)]
        if chance.random() < PLANNED:
            due = self.today + timedelta(days=chance.randrange(-10, 40))
            return {**row, "deal_id": chance.choice(self.open), "due_on": due}
        done = self.today - timedelta(days=1 + chance.randrange(DAYS))
        said = chance.choice(self.outcomes[type_id]) if chance.random() < WITH_OUTCOME else None
        told = noon(done) + timedelta(hours=chance.choice((1, 2, 5, 30)))
        return {**row, "deal_id": chance.choice(self.deals), "done_on": done, "recorded_at": told, "outcome_id": said}
