"""tokens

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'core_0005'
down_revision = 'core_0004'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'core_token',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('user_id', ID, nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('key_hash', sa.String(length=64), nullable=False),
        sa.Column('ending', sa.String(length=4), nullable=False),
        sa.Column('read_only', sa.Boolean(), nullable=False),
        sa.Column('created_at', AT, nullable=False),
        sa.Column('expires_at', AT, nullable=True),
        sa.Column('last_used_at', AT, nullable=True),
        sa.Column('revoked_at', AT, nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['core_user.id'], name=op.f('fk_core_token_user_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_core_token_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_core_token')),
        sa.UniqueConstraint('key_hash', name=op.f('uq_core_token_key_hash')),
    )
    op.create_index(op.f('ix_core_token_user_id'), 'core_token', ['user_id'])


def downgrade() -> None:
    op.drop_table('core_token')
