"""${message}

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
