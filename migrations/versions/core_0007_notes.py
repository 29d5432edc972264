"""notes, files and notices

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'core_0007'
down_revision = 'core_0006'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
AT = sa.DateTime(timezone=True)


def _of_company(table, *columns):
    op.create_table(
        table,
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f(f'fk_{table}_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
        sa.UniqueConstraint('company_id', 'id', name=op.f(f'uq_{table}_company_id_id')),
    )


def _member(table):
    return sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'],
                                   name=op.f(f'fk_{table}_company_id_member_id'))


def upgrade() -> None:
    _of_company(
        'core_note',
        sa.Column('table_name', sa.String(length=60), nullable=False),
        sa.Column('row_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=True),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('mentions', sa.JSON(), nullable=False),
        sa.Column('edited_at', AT, nullable=True),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', AT, nullable=False),
        sa.Column('updated_at', AT, nullable=False),
        _member('core_note'),
    )
    op.create_index(op.f('ix_core_note_company_id_table_name_row_id_created_at'), 'core_note',
                    ['company_id', 'table_name', 'row_id', 'created_at'])
    _of_company(
        'core_file',
        sa.Column('table_name', sa.String(length=60), nullable=False),
        sa.Column('row_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=True),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=100), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('created_at', AT, nullable=False),
        _member('core_file'),
    )
    op.create_index(op.f('ix_core_file_company_id_table_name_row_id_created_at'), 'core_file',
                    ['company_id', 'table_name', 'row_id', 'created_at'])
    _of_company(
        'core_file_content',
        sa.Column('file_id', ID, nullable=False),
        sa.Column('data', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(['company_id', 'file_id'], ['core_file.company_id', 'core_file.id'],
                                name=op.f('fk_core_file_content_company_id_file_id'), ondelete='CASCADE'),
        sa.UniqueConstraint('company_id', 'file_id', name=op.f('uq_core_file_content_company_id_file_id')),
    )
    _of_company(
        'core_notice',
        sa.Column('member_id', ID, nullable=False),
        sa.Column('text', sa.String(length=500), nullable=False),
        sa.Column('url', sa.String(length=500), nullable=False),
        sa.Column('icon', sa.String(length=40), nullable=False),
        sa.Column('key', sa.String(length=120), nullable=True),
        sa.Column('at', AT, nullable=False),
        sa.Column('read_at', AT, nullable=True),
        _member('core_notice'),
        sa.UniqueConstraint('company_id', 'member_id', 'key', name=op.f('uq_core_notice_company_id_member_id_key')),
    )
    op.create_index(op.f('ix_core_notice_company_id_member_id_id'), 'core_notice', ['company_id', 'member_id', 'id'])
    op.create_index(op.f('ix_core_notice_company_id_member_id_read_at'), 'core_notice', ['company_id', 'member_id', 'read_at'])
    with op.batch_alter_table('core_company_module', schema=None) as batch_op:
        batch_op.add_column(sa.Column('offered', sa.JSON(), nullable=True))
    # What there was to offer until now; of resources a role remembers itself whether it has heard of them.
    modules = sa.table('core_company_module', sa.column('module'), sa.column('offered', sa.JSON()))
    op.execute(modules.update().where(modules.c.module == 'crm').values(offered=['crm.figures.team', 'crm.figures.company']))


def downgrade() -> None:
    with op.batch_alter_table('core_company_module', schema=None) as batch_op:
        batch_op.drop_column('offered')
    op.drop_table('core_notice')
    op.drop_table('core_file_content')
    op.drop_table('core_file')
    op.drop_table('core_note')
