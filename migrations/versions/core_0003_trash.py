"""trash

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'core_0003'
down_revision = 'core_0002'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'core_trash',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('table_name', sa.String(length=60), nullable=False),
        sa.Column('row_id', ID, nullable=False),
        sa.Column('title', sa.String(length=200), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('member_id', ID, nullable=True),
        sa.Column('why', sa.String(length=10), nullable=False),
        sa.Column('group_id', sa.String(length=36), nullable=False),
        sa.Column('kept', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'],
                                name=op.f('fk_core_trash_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_core_trash_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_core_trash')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_core_trash_company_id_id')),
        sa.UniqueConstraint('company_id', 'table_name', 'row_id', name=op.f('uq_core_trash_company_id_table_name_row_id')),
    )
    op.create_index(op.f('ix_core_trash_company_id_table_name_id'), 'core_trash', ['company_id', 'table_name', 'id'])
    op.create_index(op.f('ix_core_trash_company_id_group_id'), 'core_trash', ['company_id', 'group_id'])


def downgrade() -> None:
    op.drop_table('core_trash')
