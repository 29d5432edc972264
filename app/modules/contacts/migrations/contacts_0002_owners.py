"""segments, targets and dated owners

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'contacts_0002'
down_revision = 'contacts_0001'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    owners = op.create_table(
        'contacts_account_owner',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('account_id', ID, nullable=False),
        sa.Column('member_id', ID, nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_to', sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(['company_id', 'account_id'], ['contacts_account.company_id', 'contacts_account.id'], name=op.f('fk_contacts_account_owner_company_id_account_id')),
        sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_contacts_account_owner_company_id_member_id')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_contacts_account_owner_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contacts_account_owner')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_contacts_account_owner_company_id_id')),
    )
    with op.batch_alter_table('contacts_account_owner', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contacts_account_owner_company_id_account_id_valid_from'), ['company_id', 'account_id', 'valid_from'], unique=False)
        batch_op.create_index(batch_op.f('ix_contacts_account_owner_company_id_member_id_valid_from'), ['company_id', 'member_id', 'valid_from'], unique=False)

    with op.batch_alter_table('contacts_account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('segment', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('target', sa.Boolean(), server_default='0', nullable=False))
        batch_op.create_index(batch_op.f('ix_contacts_account_company_id_segment_id'), ['company_id', 'segment', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_contacts_account_company_id_target_id'), ['company_id', 'target', 'id'], unique=False)

    # Who has an account now is taken to have had it since it was made; nothing older is known here.
    accounts = sa.table('contacts_account', *(sa.column(name) for name in ('id', 'company_id', 'owner_id', 'created_at')))
    since = sa.cast(accounts.c.created_at, sa.Date) if op.get_bind().dialect.name == 'postgresql' else sa.func.date(accounts.c.created_at)
    known = sa.select(accounts.c.company_id, accounts.c.id, accounts.c.owner_id, since).where(accounts.c.owner_id.is_not(None))
    op.execute(sa.insert(owners).from_select(['company_id', 'account_id', 'member_id', 'valid_from'], known))


def downgrade() -> None:
    with op.batch_alter_table('contacts_account', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_contacts_account_company_id_target_id'))
        batch_op.drop_index(batch_op.f('ix_contacts_account_company_id_segment_id'))
        batch_op.drop_column('target')
        batch_op.drop_column('segment')
    op.drop_table('contacts_account_owner')
