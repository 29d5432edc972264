from datetime import date

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Record, db, same_company


class Visit(Record, db.Model):
    __tablename__ = "visits_visit"
    __constraints__ = (same_company("account_id", "contacts_account.id"),)
    name: Mapped[str]
    account_id: Mapped[int] = mapped_column(Id)
    day: Mapped[date | None]
