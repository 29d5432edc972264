"""months of activities, places of stages

Activities and who took part know the month in which they were done, and stays in a stage in how many the deal had been before:
figures by month and of new qualified deals are read from indexes in their order. Old processes that write while this runs
leave both empty: docs/operations.md says to stop them.

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'crm_0010'
down_revision = 'crm_0009'
branch_labels = None
depends_on = None

TOUCHING = sa.text("kind <> 'task'")
HELD = ('valid_from', 'valid_to', 'known_from', 'known_to', 'deal_id')
SPLIT = (
    'credit_owner_id', 'credit_team_id', 'account_id', 'product', 'pipeline_id', 'stage_id',
    'source_id', 'medium_id', 'campaign_id', 'currency', 'amount_minor', 'company_minor',
)
STAY = ('company_id', 'stage_id', 'entered_on', 'state', 'seconds', 'since', 'after_id', 'deal_id', 'entered_at', 'id',
        'owner_id', 'team_id', 'currency', 'amount_minor')
# Name of an index -> its table and its columns now and before; None where there was, or is, none.
INDEXES = {
    'ix_crm_deal_stage_entered': ('crm_deal_stage', (*STAY, 'entries', 'place'), STAY),
    'ix_crm_deal_stage_order': (
        'crm_deal_stage', ('company_id', 'deal_id', 'place', 'stage_id', 'after_id', 'entered_at', 'id'),
        ('company_id', 'deal_id', 'entered_at', 'id', 'stage_id', 'after_id'),
    ),
    'ix_crm_activity_done': (
        'crm_activity', ('company_id', 'state', 'done_on', 'id'),
        ('company_id', 'state', 'done_on', 'kind', 'outcome_id', 'told_after', 'done_by_id', 'team_id', 'type_id', 'account_id',
         'recorded_at', 'done_at', 'id'),
    ),
    'ix_crm_activity_counts': (
        'crm_activity',
        ('company_id', 'state', 'done_month', 'done_by_id', 'kind', 'outcome_id', 'type_id', 'team_id', 'told_after'), None,
    ),
    'ix_crm_activity_sums': (
        'crm_activity',
        ('company_id', 'state', 'done_month', 'done_by_id', 'kind', 'outcome_id', 'type_id', 'team_id', 'told_after', 'account_id',
         'done_on', 'recorded_at', 'done_at', 'id'), None,
    ),
    'ix_crm_activity_touched': (
        'crm_activity', ('company_id', 'state', 'done_month', 'done_by_id', 'account_id', 'done_on', 'kind', 'id'), None,
    ),
    'ix_crm_activity_member_done': (
        'crm_activity_member', ('company_id', 'done_month', 'activity_id', 'member_id', 'team_id'), None,
    ),
    'ix_crm_deal_closed_sums': (
        'crm_deal', ('company_id', 'state', 'closed_on', 'opened_on', *SPLIT, 'reason_id', 'id', 'closed_at'),
        ('company_id', 'state', 'closed_on', 'opened_on', *SPLIT, 'reason_id', 'id'),
    ),
    'ix_crm_deal_span_company_id_deal_id_known_to': ('crm_deal_span', None, ('company_id', 'deal_id', 'known_to')),
    'ix_crm_deal_span_of_deal': (
        'crm_deal_span', ('company_id', 'deal_id', 'known_to', 'state', 'entered_at', 'id', 'valid_from', 'stage_id'), None,
    ),
    'ix_crm_deal_span_closed': (
        'crm_deal_span',
        ('state', 'company_id', 'closed_on', *HELD, 'credit_owner_id', 'credit_team_id', 'account_id', 'pipeline_id', 'reason_id',
         'company_minor', 'amount_minor', 'opened_on', 'closed_at'),
        ('state', 'company_id', 'closed_on', *HELD),
    ),
    'ix_crm_deal_span_began': (
        'crm_deal_span',
        ('state', 'company_id', 'opened_on', *HELD, 'pipeline_id', 'credit_owner_id', 'credit_team_id', 'account_id', 'currency',
         'amount_minor'),
        ('state', 'company_id', 'opened_on', *HELD),
    ),
}
PARTIAL = {'ix_crm_activity_touched': {'sqlite_where': TOUCHING, 'postgresql_where': TOUCHING}}
# In the order in which a deal came in; of two stages in one instant, in that of their events.
PLACES = """
    UPDATE crm_deal_stage SET place = counted.place FROM (
        SELECT s.id, row_number() OVER (PARTITION BY s.deal_id ORDER BY s.entered_at, (
            SELECT min(e.id) FROM crm_deal_event e
            WHERE e.company_id = s.company_id AND e.deal_id = s.deal_id AND e.stage_id = s.stage_id AND e.at = s.entered_at
        ), s.id) - 1 AS place
        FROM crm_deal_stage s
    ) AS counted WHERE counted.id = crm_deal_stage.id
"""


def _swap(now: int, before: int) -> None:
    for name, told in INDEXES.items():
        if told[before]:
            op.drop_index(name, told[0])
    for name, told in INDEXES.items():
        if told[now]:
            op.create_index(name, told[0], list(told[now]), **PARTIAL.get(name, {}))


def _months() -> None:
    dated = sa.table('crm_activity', sa.column('id'), sa.column('company_id'), sa.column('done_on', sa.Date), sa.column('done_month'))
    month = sa.extract('year', dated.c.done_on) * 12 + sa.extract('month', dated.c.done_on) - 1
    op.execute(sa.update(dated).where(dated.c.done_on.is_not(None)).values(done_month=sa.cast(month, sa.Integer)))
    members = sa.table('crm_activity_member', sa.column('activity_id'), sa.column('company_id'), sa.column('done_month'))
    theirs = sa.select(dated.c.done_month).where(dated.c.company_id == members.c.company_id, dated.c.id == members.c.activity_id)
    op.execute(sa.update(members).values(done_month=theirs.scalar_subquery()))


def upgrade() -> None:
    op.add_column('crm_deal_stage', sa.Column('place', sa.Integer(), server_default='0', nullable=False))
    op.add_column('crm_activity', sa.Column('done_month', sa.Integer(), nullable=True))
    op.add_column('crm_activity_member', sa.Column('done_month', sa.Integer(), nullable=True))
    op.execute(PLACES)
    _months()
    _swap(1, 2)


def downgrade() -> None:
    _swap(2, 1)
    for table, column in (('crm_activity_member', 'done_month'), ('crm_activity', 'done_month'), ('crm_deal_stage', 'place')):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
