"""saved views

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'core_0006'
down_revision = 'core_0005'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'core_saved_view',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('resource', sa.String(length=80), nullable=False),
        sa.Column('member_id', ID, nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('shared', sa.Boolean(), nullable=False),
        sa.Column('args', sa.JSON(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'],
                                name=op.f('fk_core_saved_view_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_core_saved_view_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_core_saved_view')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_core_saved_view_company_id_id')),
    )
    op.create_index(op.f('ix_core_saved_view_company_id_resource_member_id'), 'core_saved_view',
                    ['company_id', 'resource', 'member_id'])
    op.create_table(
        'core_view_default',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('view_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=True),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'],
                                name=op.f('fk_core_view_default_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id', 'view_id'], ['core_saved_view.company_id', 'core_saved_view.id'],
                                name=op.f('fk_core_view_default_company_id_view_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_core_view_default_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_core_view_default')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_core_view_default_company_id_id')),
    )
    op.create_index(op.f('ix_core_view_default_company_id_view_id'), 'core_view_default', ['company_id', 'view_id'])


def downgrade() -> None:
    op.drop_table('core_view_default')
    op.drop_table('core_saved_view')
