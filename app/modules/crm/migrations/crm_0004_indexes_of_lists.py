"""Indexes of lists.

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

from alembic import op

revision = 'crm_0004'
down_revision = 'crm_0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_deal_cards')
        batch_op.create_index('ix_crm_deal_cards', ['company_id', 'state', 'stage_id', 'entered_at', 'id'])
        batch_op.create_index(batch_op.f('ix_crm_deal_company_id_state_entered_at_id'), ['company_id', 'state', 'entered_at', 'id'])
        batch_op.create_index(batch_op.f('ix_crm_deal_company_id_entered_at_id'), ['company_id', 'entered_at', 'id'])
        batch_op.create_index(batch_op.f('ix_crm_deal_company_id_amount_minor_id'), ['company_id', 'amount_minor', 'id'])


def downgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_company_id_amount_minor_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_company_id_entered_at_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_company_id_state_entered_at_id'))
        batch_op.drop_index('ix_crm_deal_cards')
        batch_op.create_index('ix_crm_deal_cards', ['company_id', 'stage_id', 'entered_at', 'id'])
