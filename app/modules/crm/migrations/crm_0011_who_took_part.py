"""who took part repeats what was done, and stays by where deals came from

The rows of those who took part in an activity repeat what figures by person and by team split it by, and one more index has
the stays in a stage by the stage before. Old processes that write while this runs leave the former empty: docs/operations.md
says to stop them.

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'crm_0011'
down_revision = 'crm_0010'
branch_labels = None
depends_on = None

MEMBER = 'crm_activity_member'
DONE, CAME = 'ix_crm_activity_member_done', 'ix_crm_deal_stage_came'
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
COLUMNS = {
    'done_on': sa.Date(), 'done_by_id': ID, 'done_team_id': ID, 'kind': sa.String(10), 'type_id': ID, 'outcome_id': ID, 'account_id': ID,
    'told_after': sa.Integer(),
}
THEIRS = """
    UPDATE crm_activity_member SET
        (done_on, done_by_id, done_team_id, kind, type_id, outcome_id, account_id, told_after) = (
            SELECT a.done_on, a.done_by_id, a.team_id, a.kind, a.type_id, a.outcome_id, a.account_id, a.told_after
            FROM crm_activity a WHERE a.company_id = crm_activity_member.company_id AND a.id = crm_activity_member.activity_id
        )
"""


def upgrade() -> None:
    op.drop_index(DONE, MEMBER)
    for name, kind in COLUMNS.items():
        op.add_column(MEMBER, sa.Column(name, kind, nullable=True))
    op.execute(THEIRS)
    with op.batch_alter_table(MEMBER, schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f('fk_crm_activity_member_company_id_account_id'), 'contacts_account', ['company_id', 'account_id'], ['company_id', 'id'])
    op.create_index(DONE, MEMBER, ['company_id', 'done_month', 'member_id', 'kind', 'outcome_id', 'type_id', 'team_id', 'account_id',
                                   'told_after', 'done_by_id', 'done_team_id', 'done_on', 'activity_id'])
    op.create_index(CAME, 'crm_deal_stage', ['company_id', 'stage_id', 'after_id', 'entered_on', 'state', 'place', 'deal_id', 'owner_id',
                                             'team_id', 'currency', 'amount_minor', 'entered_at'])


def downgrade() -> None:
    op.drop_index(CAME, 'crm_deal_stage')
    op.drop_index(DONE, MEMBER)
    with op.batch_alter_table(MEMBER, schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_crm_activity_member_company_id_account_id'), type_='foreignkey')
        for name in COLUMNS:
            batch_op.drop_column(name)
    op.create_index(DONE, MEMBER, ['company_id', 'done_month', 'activity_id', 'member_id', 'team_id'])
