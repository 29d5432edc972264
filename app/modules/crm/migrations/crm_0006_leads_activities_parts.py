"""leads, activities, and what belongs to deals

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

import unicodedata
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = 'crm_0006'
down_revision = 'crm_0005'
branch_labels = None
depends_on = None


# What companies that have the CRM already start with, in their language: as a new company gets it when it is switched on.
# Kind, names, working days until due, minutes, what is suggested next and in how many working days.
TYPES = (
    ('call', 'Llamada', 'Call', 1, 15, 'call', 5),
    ('email', 'Correo', 'E-mail', 1, 10, 'call', 3),
    ('visit', 'Visita', 'Visit', 5, 60, 'call', 3),
    ('meeting', 'Reunión', 'Meeting', 3, 60, 'email', 1),
    ('task', 'Tarea', 'Task', 1, 30, None, None),
)
# Names, kinds, whether it was a contact both ways, whether it says why there was none.
OUTCOMES = (
    ('Hablamos', 'We talked', 'call,visit,meeting', True, False),
    ('Interesado', 'Interested', 'call,email,visit,meeting', True, False),
    ('Sin interés', 'Not interested', 'call,email,visit,meeting', True, False),
    ('No contesta', 'No answer', 'call', False, False),
    ('Recado dejado', 'Left a message', 'call', False, False),
    ('Respondió', 'Replied', 'email', True, False),
    ('Sin respuesta', 'No reply', 'email', False, False),
    ('Hecho', 'Done', 'task', True, False),
    ('No había nadie', 'Nobody was there', 'visit', False, True),
    ('El cliente canceló', 'The customer cancelled', 'visit,meeting', False, True),
    ('Cancelamos nosotros', 'We cancelled', 'visit,meeting', False, True),
    ('Ya no hace falta', 'No longer needed', '', False, True),
)


def _with_crm() -> list[tuple[int, str]]:
    """Id and language of every company that has, or had, the CRM on."""
    company = sa.table('core_company', sa.column('id'), sa.column('language'))
    module = sa.table('core_company_module', sa.column('company_id'), sa.column('module'))
    rows = sa.select(company.c.id, company.c.language).join(module, module.c.company_id == company.c.id)
    return [tuple(row) for row in op.get_bind().execute(rows.where(module.c.module == 'crm').order_by(company.c.id))]


def _named(spanish: str, english: str, language: str) -> dict[str, object]:
    """What every row of a short list has: its name with the folded ones, and when it was made."""
    name = spanish if language == 'es' else english
    bare = ''.join(c for c in unicodedata.normalize('NFKD', name) if not unicodedata.combining(c)).casefold()
    now = datetime.now(UTC)
    return {'name': name, 'name_key': bare, 'search_key': bare, 'active': True, 'version': 1, 'created_at': now, 'updated_at': now}


NAMED = ('company_id', 'name', 'name_key', 'search_key', 'position', 'active', 'version')


def _short_list(name: str, *columns: str) -> sa.TableClause:
    dated = (sa.column(c, sa.DateTime(timezone=True)) for c in ('created_at', 'updated_at'))
    return sa.table(name, sa.column('id'), *(sa.column(c) for c in (*NAMED, *columns)), *dated)


# Where business comes from, and by which way.
SOURCES = (
    ('Web', 'Website'),
    ('Recomendación', 'Referral'),
    ('Feria', 'Trade fair'),
    ('Buscador', 'Search engine'),
    ('Redes sociales', 'Social media'),
    ('Distribuidor', 'Dealer'),
    ('Prospección propia', 'Own prospecting'),
    ('Otro', 'Other'),
)
MEDIA = (
    ('Formulario web', 'Web form'),
    ('Correo electrónico', 'E-mail'),
    ('Teléfono', 'Telephone'),
    ('Visita', 'Visit'),
    ('Anuncio', 'Advertisement'),
)


def _origins(company_id: int, language: str) -> None:
    for name, rows in (('crm_source', SOURCES), ('crm_medium', MEDIA)):
        for position, (spanish, english) in enumerate(rows, start=1):
            row = {**_named(spanish, english, language), 'company_id': company_id, 'position': position}
            op.execute(sa.insert(_short_list(name)).values(row))


def _activity_types(company_id: int, language: str) -> None:
    own = ('kind', 'subject', 'note', 'default_days', 'default_minutes', 'next_type_id', 'next_days')
    table = _short_list('crm_activity_type', *own)
    for position, (kind, spanish, english, days, minutes, _next, _days) in enumerate(TYPES, start=1):
        row = {**_named(spanish, english, language), 'company_id': company_id, 'position': position, 'kind': kind}
        op.execute(sa.insert(table).values(**row, subject='', note='', default_days=days, default_minutes=minutes))
    rows = sa.select(table.c.kind, table.c.id).where(table.c.company_id == company_id)
    ids = dict(tuple(row) for row in op.get_bind().execute(rows))
    for kind, _spanish, _english, _days, _minutes, following, days in TYPES:
        if following:
            chain = sa.update(table).where(table.c.id == ids[kind])
            op.execute(chain.values(next_type_id=ids[following], next_days=days))


def _activity_outcomes(company_id: int, language: str) -> None:
    table = _short_list('crm_activity_outcome', 'kinds', 'reached', 'cancelled')
    for position, (spanish, english, kinds, reached, cancelled) in enumerate(OUTCOMES, start=1):
        row = {**_named(spanish, english, language), 'company_id': company_id, 'position': position}
        op.execute(sa.insert(table).values(**row, kinds=kinds, reached=reached, cancelled=cancelled))


def _seconds(instant: sa.ColumnElement) -> sa.ColumnElement:
    """Whole seconds since 1970."""
    if op.get_bind().dialect.name == 'sqlite':
        return sa.cast(sa.func.strftime('%s', instant), sa.BigInteger)
    return sa.cast(sa.func.floor(sa.extract('epoch', instant)), sa.BigInteger)


def _deal_stages() -> None:
    """In which stages the deals there are have been: from the events that count, and the spans of the moment they came in."""
    names = ('company_id', 'id', 'deal_id', 'kind', 'at', 'local_date', 'voids_id', 'stage_id', 'state')
    event, void = (sa.table('crm_deal_event', *map(sa.column, names), schema=None).alias(a) for a in ('e', 'v'))
    whose = {'partition_by': event.c.deal_id, 'order_by': (event.c.at, event.c.id)}
    before = sa.func.lag(event.c.stage_id).over(**whose)
    voided = sa.exists().where(void.c.company_id == event.c.company_id, void.c.voids_id == event.c.id)
    told = sa.select(*(event.c[n] for n in ('company_id', 'id', 'deal_id', 'at', 'local_date', 'stage_id', 'state')),
                     before.label('before')).where(event.c.stage_id.is_not(None), event.c.kind != 'voided', ~voided).subquery()
    mine = {'partition_by': told.c.deal_id, 'order_by': (told.c.at, told.c.id)}
    here = {'partition_by': (told.c.deal_id, told.c.stage_id), 'order_by': (told.c.at, told.c.id)}
    moved = sa.select(told, sa.func.lead(told.c.at).over(**mine).label('until'), sa.func.row_number().over(**here).label('time'))
    moved = moved.where(sa.or_(told.c.before.is_(None), told.c.before != told.c.stage_id)).subquery()
    stay = sa.case((moved.c.state == 'open', sa.func.coalesce(_seconds(moved.c.until) - _seconds(moved.c.at), 0)), else_=0)
    place = (moved.c.company_id, moved.c.deal_id, moved.c.stage_id)
    firsts = (sa.func.min(sa.case((moved.c.time == 1, moved.c[n]))).label(label) for n, label in (('id', 'first'), ('before', 'after_id')))
    added = sa.select(*place, *firsts, sa.func.count().label('entries'),
                      sa.func.sum(stay).label('seconds')).group_by(*place).subquery()
    said = ('credit_owner_id', 'credit_team_id', 'amount_minor', 'currency')
    span = sa.table('crm_deal_span', *map(sa.column, ('company_id', 'deal_id', 'valid_from', 'valid_to', 'known_to', *said)))
    first = sa.table('crm_deal_event', *map(sa.column, names)).alias('f')
    deal = sa.table('crm_deal', *map(sa.column, ('company_id', 'id', 'stage_id', 'state', 'entered_at')))
    here = sa.and_(deal.c.state == 'open', deal.c.stage_id == added.c.stage_id)
    rows = sa.select(added.c.company_id, added.c.deal_id, added.c.stage_id, first.c.at, first.c.local_date, added.c.entries,
                     added.c.seconds, *(span.c[n] for n in said), added.c.after_id, deal.c.state,
                     sa.case((here, deal.c.entered_at)))
    rows = rows.join(deal, sa.and_(deal.c.company_id == added.c.company_id, deal.c.id == added.c.deal_id))
    rows = rows.join(first, first.c.id == added.c.first).join(span, sa.and_(
        span.c.company_id == added.c.company_id, span.c.deal_id == added.c.deal_id, span.c.known_to.is_(None),
        span.c.valid_from <= first.c.at, sa.or_(span.c.valid_to.is_(None), span.c.valid_to > first.c.at)))
    into = ('company_id', 'deal_id', 'stage_id', 'entered_at', 'entered_on', 'entries', 'seconds', 'owner_id', 'team_id',
            'amount_minor', 'currency', 'after_id', 'state', 'since')
    op.execute(sa.insert(sa.table('crm_deal_stage', *map(sa.column, into))).from_select(into, rows))


SPLIT = [
    'credit_owner_id', 'credit_team_id', 'account_id', 'product', 'pipeline_id', 'stage_id',
    'source_id', 'medium_id', 'campaign_id', 'currency', 'amount_minor', 'company_minor',
]
DONE = [
    'company_id', 'state', 'done_on', 'kind', 'outcome_id', 'told_after', 'done_by_id', 'team_id', 'type_id',
    'account_id', 'recorded_at', 'done_at', 'id',
]


def upgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table('crm_activity_outcome',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('name_key', sa.String(length=240), nullable=False),
    sa.Column('search_key', sa.String(length=240), nullable=False),
    sa.Column('kinds', sa.String(length=80), nullable=False),
    sa.Column('reached', sa.Boolean(), nullable=False),
    sa.Column('cancelled', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_activity_outcome_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_activity_outcome')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_activity_outcome_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_activity_outcome_company_id_name_key'))
    )
    op.create_table('crm_campaign',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=True),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.Column('cost_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_key', sa.String(length=360), nullable=False),
    sa.Column('search_key', sa.String(length=360), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_campaign_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_campaign')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_campaign_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_campaign_company_id_name_key'))
    )
    op.create_table('crm_competitor',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_key', sa.String(length=360), nullable=False),
    sa.Column('search_key', sa.String(length=360), nullable=False),
    sa.Column('website', sa.String(length=300), nullable=True),
    sa.Column('strengths', sa.String(length=1000), nullable=False),
    sa.Column('weaknesses', sa.String(length=1000), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_competitor_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_competitor')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_competitor_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_competitor_company_id_name_key'))
    )
    op.create_table('crm_medium',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_key', sa.String(length=360), nullable=False),
    sa.Column('search_key', sa.String(length=360), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_medium_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_medium')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_medium_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_medium_company_id_name_key'))
    )
    op.create_table('crm_settings',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('uses_leads', sa.Boolean(), nullable=False),
    sa.Column('active_days', sa.Integer(), nullable=False),
    sa.Column('neglected_days', sa.Integer(), nullable=False),
    sa.Column('late_hours', sa.Integer(), nullable=False),
    sa.Column('remind_minutes', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_settings_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_settings')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_settings_company_id_id')),
    sa.UniqueConstraint('company_id', name=op.f('uq_crm_settings_company_id'))
    )
    op.create_table('crm_source',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_key', sa.String(length=360), nullable=False),
    sa.Column('search_key', sa.String(length=360), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_source_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_source')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_source_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_source_company_id_name_key'))
    )
    op.create_table('crm_activity_type',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('name_key', sa.String(length=240), nullable=False),
    sa.Column('search_key', sa.String(length=240), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('default_days', sa.Integer(), nullable=False),
    sa.Column('default_minutes', sa.Integer(), nullable=True),
    sa.Column('default_owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('next_type_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('next_days', sa.Integer(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('call', 'email', 'visit', 'meeting', 'task')", name=op.f('ck_crm_activity_type_kind')),
    sa.ForeignKeyConstraint(['company_id', 'default_owner_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_activity_type_company_id_default_owner_id')),
    sa.ForeignKeyConstraint(['company_id', 'next_type_id'], ['crm_activity_type.company_id', 'crm_activity_type.id'], name=op.f('fk_crm_activity_type_company_id_next_type_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_activity_type_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_activity_type')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_activity_type_company_id_id')),
    sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_activity_type_company_id_name_key'))
    )
    op.create_table('crm_stage_check',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stage_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('text', sa.String(length=200), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id', 'stage_id'], ['crm_stage.company_id', 'crm_stage.id'], name=op.f('fk_crm_stage_check_company_id_stage_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_stage_check_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_stage_check')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_stage_check_company_id_id'))
    )
    with op.batch_alter_table('crm_stage_check', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_stage_check_company_id_stage_id_position'), ['company_id', 'stage_id', 'position'], unique=False)

    op.create_table('crm_deal_check',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('check_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id', 'check_id'], ['crm_stage_check.company_id', 'crm_stage_check.id'], name=op.f('fk_crm_deal_check_company_id_check_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_check_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_deal_check_company_id_member_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_check_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_check')),
    sa.UniqueConstraint('company_id', 'deal_id', 'check_id', name=op.f('uq_crm_deal_check_company_id_deal_id_check_id')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_check_company_id_id'))
    )
    op.create_table('crm_deal_competitor',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('competitor_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('winner', sa.Boolean(), nullable=False),
    sa.Column('note', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['company_id', 'competitor_id'], ['crm_competitor.company_id', 'crm_competitor.id'], name=op.f('fk_crm_deal_competitor_company_id_competitor_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_competitor_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_competitor_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_competitor')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_competitor_company_id_id'))
    )
    with op.batch_alter_table('crm_deal_competitor', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_deal_competitor_company_id_competitor_id'), ['company_id', 'competitor_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_deal_competitor_company_id_deal_id_competitor_id'), ['company_id', 'deal_id', 'competitor_id'], unique=False)

    op.create_table('crm_deal_credit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('percent', sa.Integer(), nullable=False),
    sa.Column('upto', sa.Integer(), nullable=False),
    sa.CheckConstraint('percent BETWEEN 1 AND 100', name=op.f('ck_crm_deal_credit_percent')),
    sa.CheckConstraint('upto BETWEEN percent AND 100', name=op.f('ck_crm_deal_credit_upto')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_credit_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_deal_credit_company_id_member_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_credit_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_credit')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_credit_company_id_id'))
    )
    with op.batch_alter_table('crm_deal_credit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_deal_credit_company_id_member_id'), ['company_id', 'member_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_deal_credit_company_id_deal_id_member_id'), ['company_id', 'deal_id', 'member_id'], unique=False)

    op.create_table('crm_deal_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('quantity', sa.String(length=40), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('discount', sa.Integer(), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('discount BETWEEN 0 AND 100', name=op.f('ck_crm_deal_line_discount')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_line_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_line_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_line')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_line_company_id_id'))
    )
    with op.batch_alter_table('crm_deal_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_deal_line_company_id_deal_id_position'), ['company_id', 'deal_id', 'position'], unique=False)

    op.create_table('crm_deal_person',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('stance', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(length=500), nullable=False),
    sa.CheckConstraint("role IN ('decider', 'buyer', 'influencer', 'champion', 'user', 'blocker')", name=op.f('ck_crm_deal_person_role')),
    sa.CheckConstraint('stance BETWEEN -1 AND 1', name=op.f('ck_crm_deal_person_stance')),
    sa.ForeignKeyConstraint(['company_id', 'contact_id'], ['contacts_contact.company_id', 'contacts_contact.id'], name=op.f('fk_crm_deal_person_company_id_contact_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_person_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_person_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_person')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_person_company_id_id'))
    )
    with op.batch_alter_table('crm_deal_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_deal_person_company_id_contact_id'), ['company_id', 'contact_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_deal_person_company_id_deal_id_contact_id'), ['company_id', 'deal_id', 'contact_id'], unique=False)

    op.create_table('crm_deal_stage',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stage_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('entered_on', sa.Date(), nullable=False),
    sa.Column('entries', sa.Integer(), nullable=False),
    sa.Column('seconds', sa.BigInteger(), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('team_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('after_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['company_id', 'after_id'], ['crm_stage.company_id', 'crm_stage.id'], name=op.f('fk_crm_deal_stage_company_id_after_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_deal_stage_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id', 'owner_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_deal_stage_company_id_owner_id')),
    sa.ForeignKeyConstraint(['company_id', 'stage_id'], ['crm_stage.company_id', 'crm_stage.id'], name=op.f('fk_crm_deal_stage_company_id_stage_id')),
    sa.ForeignKeyConstraint(['company_id', 'team_id'], ['core_team.company_id', 'core_team.id'], name=op.f('fk_crm_deal_stage_company_id_team_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_deal_stage_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_deal_stage')),
    sa.UniqueConstraint('company_id', 'deal_id', 'stage_id', name=op.f('uq_crm_deal_stage_company_id_deal_id_stage_id')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_deal_stage_company_id_id'))
    )
    with op.batch_alter_table('crm_deal_stage', schema=None) as batch_op:
        batch_op.create_index('ix_crm_deal_stage_entered', [
            'company_id', 'stage_id', 'entered_on', 'state', 'seconds', 'since', 'after_id', 'deal_id', 'entered_at', 'id',
            'owner_id', 'team_id', 'currency', 'amount_minor',
        ])
        batch_op.create_index('ix_crm_deal_stage_order', ['company_id', 'deal_id', 'entered_at', 'id', 'stage_id', 'after_id'])
        batch_op.create_index(batch_op.f('ix_crm_deal_stage_company_id_stage_id_seconds'), ['company_id', 'stage_id', 'seconds'], unique=False)

    op.create_table('crm_lead',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('name_key', sa.String(length=360), nullable=False),
    sa.Column('search_key', sa.String(length=3180), nullable=False),
    sa.Column('organisation', sa.String(length=160), nullable=True),
    sa.Column('job_title', sa.String(length=120), nullable=True),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('phone', sa.String(length=40), nullable=True),
    sa.Column('city', sa.String(length=80), nullable=True),
    sa.Column('country', sa.String(length=80), nullable=True),
    sa.Column('website', sa.String(length=300), nullable=True),
    sa.Column('product', sa.String(length=120), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=True),
    sa.Column('source_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('medium_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('campaign_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('tags', sa.String(length=400), server_default='', nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('reason_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reason_note', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_on', sa.Date(), nullable=False),
    sa.Column('team_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('converted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('converted_on', sa.Date(), nullable=True),
    sa.Column('converted_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('external_id', sa.String(length=120), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('new', 'working', 'converted', 'disqualified')", name=op.f('ck_crm_lead_state')),
    sa.ForeignKeyConstraint(['company_id', 'account_id'], ['contacts_account.company_id', 'contacts_account.id'], name=op.f('fk_crm_lead_company_id_account_id')),
    sa.ForeignKeyConstraint(['company_id', 'campaign_id'], ['crm_campaign.company_id', 'crm_campaign.id'], name=op.f('fk_crm_lead_company_id_campaign_id')),
    sa.ForeignKeyConstraint(['company_id', 'contact_id'], ['contacts_contact.company_id', 'contacts_contact.id'], name=op.f('fk_crm_lead_company_id_contact_id')),
    sa.ForeignKeyConstraint(['company_id', 'converted_by_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_lead_company_id_converted_by_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_lead_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id', 'medium_id'], ['crm_medium.company_id', 'crm_medium.id'], name=op.f('fk_crm_lead_company_id_medium_id')),
    sa.ForeignKeyConstraint(['company_id', 'owner_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_lead_company_id_owner_id')),
    sa.ForeignKeyConstraint(['company_id', 'reason_id'], ['crm_reason.company_id', 'crm_reason.id'], name=op.f('fk_crm_lead_company_id_reason_id')),
    sa.ForeignKeyConstraint(['company_id', 'source_id'], ['crm_source.company_id', 'crm_source.id'], name=op.f('fk_crm_lead_company_id_source_id')),
    sa.ForeignKeyConstraint(['company_id', 'team_id'], ['core_team.company_id', 'core_team.id'], name=op.f('fk_crm_lead_company_id_team_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_lead_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_lead')),
    sa.UniqueConstraint('company_id', 'external_id', name=op.f('uq_crm_lead_company_id_external_id')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_lead_company_id_id'))
    )
    with op.batch_alter_table('crm_lead', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_lead_company_id_deal_id'), ['company_id', 'deal_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_lead_company_id_name_key_id'), ['company_id', 'name_key', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_lead_company_id_opened_on_state'), ['company_id', 'opened_on', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_lead_company_id_owner_id'), ['company_id', 'owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_lead_company_id_state_opened_on_id'), ['company_id', 'state', 'opened_on', 'id'], unique=False)

    op.create_table('crm_activity',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('type_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('subject_key', sa.String(length=600), nullable=False),
    sa.Column('search_key', sa.String(length=963), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('due_time', sa.String(length=5), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('done_on', sa.Date(), nullable=True),
    sa.Column('done_time', sa.String(length=5), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('told_after', sa.Integer(), nullable=True),
    sa.Column('done_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('team_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('outcome_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('outcome_note', sa.Text(), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('deal_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('lead_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('place', sa.String(length=200), nullable=False),
    sa.Column('members', sa.String(length=400), nullable=False),
    sa.Column('remind_minutes', sa.Integer(), nullable=True),
    sa.Column('remind_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('repeat', sa.String(length=10), nullable=True),
    sa.Column('repeat_until', sa.Date(), nullable=True),
    sa.Column('series_id', sa.String(length=36), nullable=False),
    sa.Column('repeat_from', sa.Date(), nullable=True),
    sa.Column('repeat_no', sa.Integer(), nullable=False),
    sa.Column('repeated', sa.Boolean(), nullable=False),
    sa.Column('source', sa.String(length=10), nullable=False),
    sa.Column('external_id', sa.String(length=120), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('call', 'email', 'visit', 'meeting', 'task')", name=op.f('ck_crm_activity_kind')),
    sa.CheckConstraint("state IN ('planned', 'done', 'cancelled')", name=op.f('ck_crm_activity_state')),
    sa.ForeignKeyConstraint(['company_id', 'account_id'], ['contacts_account.company_id', 'contacts_account.id'], name=op.f('fk_crm_activity_company_id_account_id')),
    sa.ForeignKeyConstraint(['company_id', 'contact_id'], ['contacts_contact.company_id', 'contacts_contact.id'], name=op.f('fk_crm_activity_company_id_contact_id')),
    sa.ForeignKeyConstraint(['company_id', 'deal_id'], ['crm_deal.company_id', 'crm_deal.id'], name=op.f('fk_crm_activity_company_id_deal_id')),
    sa.ForeignKeyConstraint(['company_id', 'done_by_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_activity_company_id_done_by_id')),
    sa.ForeignKeyConstraint(['company_id', 'lead_id'], ['crm_lead.company_id', 'crm_lead.id'], name=op.f('fk_crm_activity_company_id_lead_id')),
    sa.ForeignKeyConstraint(['company_id', 'outcome_id'], ['crm_activity_outcome.company_id', 'crm_activity_outcome.id'], name=op.f('fk_crm_activity_company_id_outcome_id')),
    sa.ForeignKeyConstraint(['company_id', 'owner_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_activity_company_id_owner_id')),
    sa.ForeignKeyConstraint(['company_id', 'team_id'], ['core_team.company_id', 'core_team.id'], name=op.f('fk_crm_activity_company_id_team_id')),
    sa.ForeignKeyConstraint(['company_id', 'type_id'], ['crm_activity_type.company_id', 'crm_activity_type.id'], name=op.f('fk_crm_activity_company_id_type_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_activity_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_activity')),
    sa.UniqueConstraint('company_id', 'external_id', name=op.f('uq_crm_activity_company_id_external_id')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_activity_company_id_id'))
    )
    with op.batch_alter_table('crm_activity', schema=None) as batch_op:
        batch_op.create_index('ix_crm_activity_account', ['company_id', 'account_id', 'state', 'done_on', 'kind', 'outcome_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_activity_company_id_contact_id'), ['company_id', 'contact_id'], unique=False)
        batch_op.create_index('ix_crm_activity_deal', ['company_id', 'deal_id', 'state', 'due_on', 'kind', 'done_at', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_activity_company_id_lead_id'), ['company_id', 'lead_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_activity_company_id_subject_key_id'), ['company_id', 'subject_key', 'id'])
        batch_op.create_index(batch_op.f('ix_crm_activity_company_id_owner_id'), ['company_id', 'owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_crm_activity_company_id_owner_id_state_due_on'), ['company_id', 'owner_id', 'state', 'due_on'], unique=False)
        batch_op.create_index('ix_crm_activity_due', ['company_id', 'state', 'due_on', 'id', 'owner_id', 'kind', 'type_id', 'account_id'])
        batch_op.create_index('ix_crm_activity_done', DONE, unique=False)
        touches = sa.text("state = 'done' AND kind <> 'task'")
        batch_op.create_index('ix_crm_activity_touch', ['company_id', 'deal_id', 'done_at', 'id'],
                              sqlite_where=touches, postgresql_where=touches)

    op.create_table('crm_activity_member',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('activity_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('team_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['company_id', 'activity_id'], ['crm_activity.company_id', 'crm_activity.id'], name=op.f('fk_crm_activity_member_company_id_activity_id')),
    sa.ForeignKeyConstraint(['company_id', 'member_id'], ['core_membership.company_id', 'core_membership.id'], name=op.f('fk_crm_activity_member_company_id_member_id')),
    sa.ForeignKeyConstraint(['company_id', 'team_id'], ['core_team.company_id', 'core_team.id'], name=op.f('fk_crm_activity_member_company_id_team_id')),
    sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_activity_member_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_activity_member')),
    sa.UniqueConstraint('company_id', 'activity_id', 'member_id', name=op.f('uq_crm_activity_member_company_id_activity_id_member_id')),
    sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_activity_member_company_id_id'))
    )
    with op.batch_alter_table('crm_activity_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crm_activity_member_company_id_member_id'), ['company_id', 'member_id'], unique=False)

    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('medium_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('campaign_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('tags', sa.String(length=400), server_default='', nullable=False))
        batch_op.add_column(sa.Column('probability', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('category', sa.String(length=10), nullable=True))
        batch_op.alter_column('search_key',
               existing_type=sa.VARCHAR(length=1326),
               type_=sa.String(length=2550),
               existing_nullable=False)
        batch_op.create_foreign_key(batch_op.f('fk_crm_deal_company_id_medium_id'), 'crm_medium', ['company_id', 'medium_id'], ['company_id', 'id'])
        batch_op.create_foreign_key(batch_op.f('fk_crm_deal_company_id_campaign_id'), 'crm_campaign', ['company_id', 'campaign_id'], ['company_id', 'id'])
        batch_op.create_foreign_key(batch_op.f('fk_crm_deal_company_id_source_id'), 'crm_source', ['company_id', 'source_id'], ['company_id', 'id'])
        batch_op.drop_index('ix_crm_deal_closed_sums')
        batch_op.create_index('ix_crm_deal_closed_sums', ['company_id', 'state', 'closed_on', 'opened_on', *SPLIT, 'reason_id', 'id'])
        batch_op.create_index('ix_crm_deal_began_sums', ['company_id', 'opened_on', 'state', 'closed_on', *SPLIT, 'id', 'opened_at', 'closed_at'])
        batch_op.create_index('ix_crm_deal_expected', [
            'company_id', 'state', 'expected_close', 'id', 'stage_id', 'currency', 'amount_minor', 'probability', 'category',
            'owner_id', 'credit_owner_id', 'credit_team_id', 'account_id', 'pipeline_id',
        ])

    with op.batch_alter_table('crm_deal_event', schema=None) as batch_op:
        batch_op.add_column(sa.Column('probability', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('category', sa.String(length=10), nullable=True))

    with op.batch_alter_table('crm_deal_span', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_deal_span_company_id_valid_from')
        batch_op.add_column(sa.Column('probability', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('category', sa.String(length=10), nullable=True))
        held = ['valid_from', 'valid_to', 'known_from', 'known_to', 'deal_id']
        batch_op.create_index('ix_crm_deal_span_due', ['state', 'company_id', 'expected_close', *held, 'credit_owner_id'])
        batch_op.create_index('ix_crm_deal_span_closed', ['state', 'company_id', 'closed_on', *held])
        batch_op.create_index('ix_crm_deal_span_began', ['state', 'company_id', 'opened_on', *held])

    with op.batch_alter_table('crm_stage', schema=None) as batch_op:
        batch_op.add_column(sa.Column('category', sa.String(length=10), server_default='pipeline', nullable=False))
        batch_op.add_column(sa.Column('needs', sa.String(length=300), server_default='', nullable=False))
        batch_op.create_check_constraint(op.f('ck_crm_stage_category'), "category IN ('commit', 'best_case', 'pipeline', 'omitted')")

    with op.batch_alter_table('crm_reason', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_crm_reason_kind'), type_='check')
        batch_op.create_check_constraint(op.f('ck_crm_reason_kind'), "kind IN ('won', 'lost', 'discarded')")

    # ### end Alembic commands ###
    _deal_stages()
    for company_id, language in _with_crm():
        _activity_types(company_id, language)
        _activity_outcomes(company_id, language)
        _origins(company_id, language)


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    with op.batch_alter_table('crm_reason', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_crm_reason_kind'), type_='check')
        batch_op.create_check_constraint(op.f('ck_crm_reason_kind'), "kind IN ('lost', 'discarded')")

    with op.batch_alter_table('crm_stage', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_crm_stage_category'), type_='check')
        batch_op.drop_column('needs')
        batch_op.drop_column('category')

    with op.batch_alter_table('crm_deal_span', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_deal_span_began')
        batch_op.drop_index('ix_crm_deal_span_closed')
        batch_op.drop_index('ix_crm_deal_span_due')
        batch_op.drop_column('category')
        batch_op.drop_column('probability')
        batch_op.create_index('ix_crm_deal_span_company_id_valid_from', ['company_id', 'valid_from'])

    with op.batch_alter_table('crm_deal_event', schema=None) as batch_op:
        batch_op.drop_column('category')
        batch_op.drop_column('probability')

    with op.batch_alter_table('crm_deal', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_deal_expected')
        batch_op.drop_index('ix_crm_deal_began_sums')
        batch_op.drop_index('ix_crm_deal_closed_sums')
        batch_op.create_index('ix_crm_deal_closed_sums', ['company_id', 'state', 'closed_on', 'company_minor', 'amount_minor'])
        batch_op.drop_constraint(batch_op.f('fk_crm_deal_company_id_source_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_crm_deal_company_id_campaign_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_crm_deal_company_id_medium_id'), type_='foreignkey')
        batch_op.alter_column('search_key',
               existing_type=sa.String(length=2550),
               type_=sa.VARCHAR(length=1326),
               existing_nullable=False)
        batch_op.drop_column('category')
        batch_op.drop_column('probability')
        batch_op.drop_column('tags')
        batch_op.drop_column('campaign_id')
        batch_op.drop_column('medium_id')
        batch_op.drop_column('source_id')

    with op.batch_alter_table('crm_activity_member', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_activity_member_company_id_member_id'))

    op.drop_table('crm_activity_member')
    with op.batch_alter_table('crm_activity', schema=None) as batch_op:
        batch_op.drop_index('ix_crm_activity_touch')
        batch_op.drop_index('ix_crm_activity_done')
        batch_op.drop_index('ix_crm_activity_due')
        batch_op.drop_index(batch_op.f('ix_crm_activity_company_id_owner_id_state_due_on'))
        batch_op.drop_index(batch_op.f('ix_crm_activity_company_id_subject_key_id'))
        batch_op.drop_index(batch_op.f('ix_crm_activity_company_id_owner_id'))
        batch_op.drop_index(batch_op.f('ix_crm_activity_company_id_lead_id'))
        batch_op.drop_index('ix_crm_activity_deal')
        batch_op.drop_index(batch_op.f('ix_crm_activity_company_id_contact_id'))
        batch_op.drop_index('ix_crm_activity_account')

    op.drop_table('crm_activity')
    with op.batch_alter_table('crm_lead', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_lead_company_id_state_opened_on_id'))
        batch_op.drop_index(batch_op.f('ix_crm_lead_company_id_owner_id'))
        batch_op.drop_index(batch_op.f('ix_crm_lead_company_id_opened_on_state'))
        batch_op.drop_index(batch_op.f('ix_crm_lead_company_id_name_key_id'))
        batch_op.drop_index(batch_op.f('ix_crm_lead_company_id_deal_id'))

    op.drop_table('crm_lead')
    with op.batch_alter_table('crm_deal_stage', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_stage_company_id_stage_id_seconds'))
        batch_op.drop_index('ix_crm_deal_stage_order')
        batch_op.drop_index('ix_crm_deal_stage_entered')

    op.drop_table('crm_deal_stage')
    with op.batch_alter_table('crm_deal_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_person_company_id_deal_id_contact_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_person_company_id_contact_id'))

    op.drop_table('crm_deal_person')
    with op.batch_alter_table('crm_deal_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_line_company_id_deal_id_position'))

    op.drop_table('crm_deal_line')
    with op.batch_alter_table('crm_deal_credit', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_credit_company_id_deal_id_member_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_credit_company_id_member_id'))

    op.drop_table('crm_deal_credit')
    with op.batch_alter_table('crm_deal_competitor', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_deal_competitor_company_id_deal_id_competitor_id'))
        batch_op.drop_index(batch_op.f('ix_crm_deal_competitor_company_id_competitor_id'))

    op.drop_table('crm_deal_competitor')
    op.drop_table('crm_deal_check')
    with op.batch_alter_table('crm_stage_check', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crm_stage_check_company_id_stage_id_position'))

    op.drop_table('crm_stage_check')
    op.drop_table('crm_activity_type')
    op.drop_table('crm_source')
    op.drop_table('crm_settings')
    op.drop_table('crm_medium')
    op.drop_table('crm_competitor')
    op.drop_table('crm_campaign')
    op.drop_table('crm_activity_outcome')
    # ### end Alembic commands ###
