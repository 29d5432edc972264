"""Where one of the cast works on imports of one resource, each act in a request of its own."""

from __future__ import annotations

from sqlalchemy import func, select

from app.core import worker
from app.core.access import acting_as
from app.core.importing import runs
from app.modules.contacts.models import Account


class Desk:
    """Where one of the cast works on imports of one resource, each act in a request of its own."""

    def __init__(self, app, person, address):
        self.app, self.who = app, (person.company_id, person.member_id)
        self.resource = app.extensions["registry"].resource(address)
        self.id = 0

    def do(self, act, *words, **options):
        with self.app.app_context(), acting_as(*self.who):
            return act(runs.batch(self.resource, self.id), *words, **options)

    def upload(self, text, name="file.csv"):
        data = text if isinstance(text, bytes) else text.encode()
        with self.app.app_context(), acting_as(*self.who):
            self.id = runs.begin(self.resource, name, data).id
        return self.do(runs.preview)

    def work(self):
        worker.run_pending(self.app)
        return self.do(lambda batch: (batch.state, batch.error))

    @property
    def report(self):
        return self.do(lambda batch: runs.Report.read(batch.report))

    def map(self, **changes):
        self.do(lambda batch: runs.set_mapping(batch, {**batch.plan, **changes}))

    def column(self, heading, **options):
        """Say more of a column than was suggested."""
        def act(batch):
            columns = dict(batch.plan["columns"])
            given = columns.get(heading, {})
            columns[heading] = {**({"field": given} if isinstance(given, str) else given), **options}
            runs.set_mapping(batch, {**batch.plan, "columns": columns})

        self.do(act)

    def check(self):
        self.do(runs.start_check)
        return self.work()

    def bring_in(self, text, **options):
        self.upload(text)
        if options:
            self.map(**options)
        assert self.check() == ("checked", ""), self.do(runs.errors).items
        self.do(runs.start_publish)
        assert self.work() == ("done", "")
        return self.report

    def revert(self, **options):
        self.do(runs.start_revert, **options)
        assert self.work() == ("reverted", "")
        return self.do(lambda batch: batch.report["reverted"])


def count(office, model, *criteria):
    with office as session:
        return session.scalar(select(func.count()).select_from(model).where(*criteria))


def names(office, model=Account):
    with office as session:
        return sorted(session.scalars(select(model.name)))
