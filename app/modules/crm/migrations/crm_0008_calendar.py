"""calendar feeds

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op

revision = 'crm_0008'
down_revision = 'crm_0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_calendar_feed",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
        ),
        sa.Column("company_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "member_id"],
            ["core_membership.company_id", "core_membership.id"],
            name=op.f("fk_crm_calendar_feed_company_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["core_company.id"], name=op.f("fk_crm_calendar_feed_company_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_calendar_feed")),
        sa.UniqueConstraint("company_id", "id", name=op.f("uq_crm_calendar_feed_company_id_id")),
        sa.UniqueConstraint("company_id", "key_hash", name=op.f("uq_crm_calendar_feed_company_id_key_hash")),
        sa.UniqueConstraint("company_id", "member_id", name=op.f("uq_crm_calendar_feed_company_id_member_id")),
    )


def downgrade() -> None:
    op.drop_table("crm_calendar_feed")
