"""room for folded names

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'crm_0003'
down_revision = 'crm_0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.alter_column('name_key',
               existing_type=sa.VARCHAR(length=200),
               type_=sa.String(length=600),
               existing_nullable=False)
        batch_op.alter_column('search_key',
               existing_type=sa.VARCHAR(length=500),
               type_=sa.String(length=1326),
               existing_nullable=False)

    with op.batch_alter_table('crm_pipeline', schema=None) as batch_op:
        batch_op.alter_column('name_key',
               existing_type=sa.VARCHAR(length=80),
               type_=sa.String(length=240),
               existing_nullable=False)
        batch_op.alter_column('search_key',
               existing_type=sa.VARCHAR(length=80),
               type_=sa.String(length=240),
               existing_nullable=False)

    with op.batch_alter_table('crm_reason', schema=None) as batch_op:
        batch_op.alter_column('name_key',
               existing_type=sa.VARCHAR(length=120),
               type_=sa.String(length=360),
               existing_nullable=False)
        batch_op.alter_column('search_key',
               existing_type=sa.VARCHAR(length=120),
               type_=sa.String(length=360),
               existing_nullable=False)

    with op.batch_alter_table('crm_stage', schema=None) as batch_op:
        batch_op.alter_column('name_key',
               existing_type=sa.VARCHAR(length=80),
               type_=sa.String(length=240),
               existing_nullable=False)
        batch_op.alter_column('search_key',
               existing_type=sa.VARCHAR(length=80),
               type_=sa.String(length=240),
               existing_nullable=False)



def downgrade() -> None:
    with op.batch_alter_table('crm_stage', schema=None) as batch_op:
        batch_op.alter_column('search_key',
               existing_type=sa.String(length=240),
               type_=sa.VARCHAR(length=80),
               existing_nullable=False)
        batch_op.alter_column('name_key',
               existing_type=sa.String(length=240),
               type_=sa.VARCHAR(length=80),
               existing_nullable=False)

    with op.batch_alter_table('crm_reason', schema=None) as batch_op:
        batch_op.alter_column('search_key',
               existing_type=sa.String(length=360),
               type_=sa.VARCHAR(length=120),
               existing_nullable=False)
        batch_op.alter_column('name_key',
               existing_type=sa.String(length=360),
               type_=sa.VARCHAR(length=120),
               existing_nullable=False)

    with op.batch_alter_table('crm_pipeline', schema=None) as batch_op:
        batch_op.alter_column('search_key',
               existing_type=sa.String(length=240),
               type_=sa.VARCHAR(length=80),
               existing_nullable=False)
        batch_op.alter_column('name_key',
               existing_type=sa.String(length=240),
               type_=sa.VARCHAR(length=80),
               existing_nullable=False)

    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.alter_column('search_key',
               existing_type=sa.String(length=1326),
               type_=sa.VARCHAR(length=500),
               existing_nullable=False)
        batch_op.alter_column('name_key',
               existing_type=sa.String(length=600),
               type_=sa.VARCHAR(length=200),
               existing_nullable=False)

