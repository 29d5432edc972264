"""Indexes of board and figures.

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

from alembic import op

revision = 'crm_0002'
down_revision = 'crm_0001'
branch_labels = None
depends_on = None

OPEN_SUMS = ['company_id', 'state', 'pipeline_id', 'stage_id', 'currency', 'amount_minor', 'owner_id', 'credit_owner_id']
CLOSED_SUMS = ['company_id', 'state', 'closed_on', 'company_minor', 'amount_minor']


def upgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_company_id_stage_id_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_company_id_state_closed_on'))
        batch_op.create_index('ix_crm_deal_cards', ['company_id', 'stage_id', 'entered_at', 'id'])
        batch_op.create_index('ix_crm_deal_closed_sums', CLOSED_SUMS)
        batch_op.create_index('ix_crm_deal_open_sums', OPEN_SUMS)


def downgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_deal_open_sums')
        batch_op.drop_index('ix_crm_deal_closed_sums')
        batch_op.drop_index('ix_crm_deal_cards')
        batch_op.create_index(batch_op.f('ix_crm_deal_company_id_state_closed_on'), ['company_id', 'state', 'closed_on'])
        batch_op.create_index(batch_op.f('ix_crm_deal_company_id_stage_id_id'), ['company_id', 'stage_id', 'id'])
