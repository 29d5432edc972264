"""imports as jobs

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'core_0004'
down_revision = 'core_0003'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    # What is under way has changed no record yet, and its rows are kept in another form from now on.
    op.execute("DELETE FROM core_import_row")
    op.execute("DELETE FROM core_import_batch WHERE state <> 'done'")
    for column in (
        sa.Column('profile', sa.JSON(), nullable=False, server_default='{}'),
        sa.Column('done', sa.Integer(), nullable=False, server_default='0'),
        sa.Column('error', sa.Text(), nullable=False, server_default=''),
        sa.Column('cancel', sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column('run', sa.String(length=32), nullable=False, server_default=''),
        sa.Column('tries', sa.Integer(), nullable=False, server_default='0'),
    ):
        op.add_column('core_import_batch', column)
    _of_batch('core_import_file', sa.Column('data', sa.LargeBinary(), nullable=False), once=True)
    _of_batch(
        'core_import_error',
        sa.Column('line', sa.Integer(), nullable=False),
        sa.Column('field', sa.String(length=80), nullable=False),
        sa.Column('heading', sa.Text(), nullable=False),
        sa.Column('value', sa.Text(), nullable=False),
        sa.Column('message', sa.Text(), nullable=False),
    )
    for column in ('line', 'field'):
        op.create_index(op.f(f'ix_core_import_error_company_id_batch_id_{column}'), 'core_import_error',
                        ['company_id', 'batch_id', column])
    _of_batch(
        'core_import_effect',
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('resource', sa.String(length=80), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('payload', sa.Text(), nullable=False),
    )
    op.create_index(op.f('ix_core_import_effect_company_id_batch_id_id'), 'core_import_effect', ['company_id', 'batch_id', 'id'])
    op.create_table(
        'core_import_mapping',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=True),
        sa.Column('resource', sa.String(length=80), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('plan', sa.JSON(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'],
                                name=op.f('fk_core_import_mapping_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_core_import_mapping_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_core_import_mapping')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_core_import_mapping_company_id_id')),
        sa.UniqueConstraint('company_id', 'resource', 'name', name=op.f('uq_core_import_mapping_company_id_resource_name')),
    )


def _of_batch(table, *columns, once=False) -> None:
    """A table whose rows belong to a batch and go with it."""
    unique = [sa.UniqueConstraint('company_id', 'batch_id', name=op.f(f'uq_{table}_company_id_batch_id'))] if once else []
    op.create_table(
        table,
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('batch_id', ID, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(['company_id', 'batch_id'], ['core_import_batch.company_id', 'core_import_batch.id'],
                                name=op.f(f'fk_{table}_company_id_batch_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f(f'fk_{table}_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
        sa.UniqueConstraint('company_id', 'id', name=op.f(f'uq_{table}_company_id_id')),
        *unique,
    )


def downgrade() -> None:
    for table in ('mapping', 'effect', 'error', 'file'):
        op.drop_table(f'core_import_{table}')
    op.execute("DELETE FROM core_import_batch WHERE state <> 'done'")
    for column in ('tries', 'run', 'cancel', 'error', 'done', 'profile'):
        op.drop_column('core_import_batch', column)
