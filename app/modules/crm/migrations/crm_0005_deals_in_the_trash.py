"""deals in the trash

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

from alembic import op

revision = 'crm_0005'
down_revision = 'crm_0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_crm_deal_state'), type_='check')
        batch_op.create_check_constraint(op.f('ck_crm_deal_state'), "state IN ('open', 'won', 'lost', 'discarded', 'trashed')")


def downgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_crm_deal_state'), type_='check')
        batch_op.create_check_constraint(op.f('ck_crm_deal_state'), "state IN ('open', 'won', 'lost', 'discarded')")
