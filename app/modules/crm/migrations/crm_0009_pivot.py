"""saved pivots

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'crm_0009'
down_revision = 'crm_0008'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'crm_saved_pivot',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('shared', sa.Boolean(), nullable=False),
        sa.Column('args', sa.JSON(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_saved_pivot_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_saved_pivot_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_saved_pivot')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_saved_pivot_company_id_id')),
    )
    with op.batch_alter_table('crm_saved_pivot', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_saved_pivot_company_id_member_id'), ['company_id', 'member_id'], unique=False)


def downgrade() -> None:
    op.drop_table('crm_saved_pivot')
