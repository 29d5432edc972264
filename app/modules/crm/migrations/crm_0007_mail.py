"""e-mail to customers

Four rules: it runs in seconds on a full database; the version still running keeps working while it runs (add now,
remove a release later); it touches only tables of its own module; no import from `app` (code changes, history must not).
Row-level security and grants need nothing here: `flask db upgrade` gives them to every table with a company.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = 'crm_0007'
down_revision = 'crm_0006'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
AT = sa.DateTime(timezone=True)
# What a company starts with; those that have the CRM already get it here.
TEMPLATES = {
    'es': (
        (
            'Primer contacto',
            'any',
            '{{company.name}} y {{account.name}}',
            ('Buenos días, {{person.first_name}}:\n\nLe escribo de {{company.name}}. Me gustaría conocer mejor'
            ' lo que hacen en {{account.name}} y ver si podemos ayudarles.\n\n¿Le vendría bien que habláramos'
            ' un cuarto de hora esta semana?\n\nUn saludo,\n{{me.name}}'),
        ),
        (
            'Propuesta enviada',
            'deal',
            'Nuestra propuesta: {{deal.name}}',
            ('Buenos días, {{person.first_name}}:\n\nTal como acordamos, le resumo nuestra propuesta'
            ' «{{deal.name}}» para {{account.name}}, por un importe de {{deal.amount}}.\n\nQuedo a su'
            ' disposición para cualquier duda. ¿Le parece que la comentemos por teléfono en los próximos'
            ' días?\n\nUn saludo,\n{{me.name}}'),
        ),
        (
            'Seguimiento',
            'deal',
            '{{deal.name}}: siguientes pasos',
            ('Buenos días, {{person.first_name}}:\n\n¿Han podido revisar nuestra propuesta «{{deal.name}}»? Si'
            ' necesita algún dato más para decidir, se lo hago llegar enseguida.\n\nUn saludo,\n{{me.name}}'),
        ),
    ),
    'en': (
        (
            'First contact',
            'any',
            '{{company.name}} and {{account.name}}',
            ('Dear {{person.first_name}},\n\nI am writing from {{company.name}}. I would like to learn more'
            ' about what you do at {{account.name}} and see whether we can help.\n\nCould we talk for a quarter'
            ' of an hour this week?\n\nKind regards,\n{{me.name}}'),
        ),
        (
            'Proposal sent',
            'deal',
            'Our proposal: {{deal.name}}',
            ('Dear {{person.first_name}},\n\nas agreed, here is a summary of our proposal “{{deal.name}}” for'
            ' {{account.name}}, for {{deal.amount}}.\n\nI am glad to answer any question. Shall we go through'
            ' it on the phone in the next days?\n\nKind regards,\n{{me.name}}'),
        ),
        (
            'Follow-up',
            'deal',
            '{{deal.name}}: next steps',
            ('Dear {{person.first_name}},\n\nhave you been able to look at our proposal “{{deal.name}}”? If you'
            ' need anything else to decide, I will send it at once.\n\nKind regards,\n{{me.name}}'),
        ),
    ),
}


def _templates() -> None:
    company = sa.table('core_company', sa.column('id'), sa.column('language'))
    switched = sa.table('core_company_module', *map(sa.column, ('company_id', 'module', 'enabled')))
    columns = ('company_id', 'name', 'name_key', 'search_key', 'subject', 'body', 'language', 'offered_on')
    timed = (sa.column('active', sa.Boolean()), sa.column('version'), sa.column('created_at', AT), sa.column('updated_at', AT))
    table = sa.table('crm_email_template', *map(sa.column, columns), *timed)
    on = sa.select(company.c.id, company.c.language).join_from(company, switched, company.c.id == switched.c.company_id)
    now = datetime.now(UTC)
    for company_id, language in op.get_bind().execute(on.where(switched.c.module == 'crm')).all():
        spoken = 'es' if language == 'es' else 'en'
        for name, place, subject, body in TEMPLATES[spoken]:
            row = {'company_id': company_id, 'name': name, 'name_key': name.lower(), 'search_key': f'{name} {subject}'.lower()}
            told = {'subject': subject, 'body': body, 'language': spoken, 'offered_on': place, 'active': True, 'version': 1}
            op.execute(sa.insert(table).values(**row, **told, created_at=now, updated_at=now))



def upgrade() -> None:
    op.create_table(
        'crm_email_template',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('name_key', sa.String(length=360), nullable=False),
        sa.Column('search_key', sa.String(length=963), nullable=False),
        sa.Column('subject', sa.String(length=200), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('language', sa.String(length=5), nullable=False),
        sa.Column('offered_on', sa.String(length=10), nullable=False),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', AT, nullable=False),
        sa.Column('updated_at', AT, nullable=False),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_email_template_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_email_template')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_email_template_company_id_id')),
        sa.UniqueConstraint('company_id', 'name_key', name=op.f('uq_crm_email_template_company_id_name_key')),
    )
    op.create_table(
        'crm_email',
        sa.Column('id', ID, sa.Identity(always=False), nullable=False),
        sa.Column('company_id', ID, nullable=False),
        sa.Column('account_id', ID, nullable=True),
        sa.Column('contact_id', ID, nullable=True),
        sa.Column('deal_id', ID, nullable=True),
        sa.Column('lead_id', ID, nullable=True),
        sa.Column('sender_id', ID, nullable=False),
        sa.Column('to_name', sa.String(length=160), nullable=False),
        sa.Column('to_address', sa.String(length=254), nullable=False),
        sa.Column('cc', sa.String(length=1000), nullable=False),
        sa.Column('subject', sa.String(length=200), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('why', sa.String(length=10), nullable=False),
        sa.Column('error', sa.String(length=600), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('rounds', sa.Integer(), nullable=False),
        sa.Column('created_at', AT, nullable=False),
        sa.Column('sent_at', AT, nullable=True),
        sa.Column('message_id', sa.String(length=200), nullable=False),
        sa.Column('activity_id', ID, nullable=True),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name=op.f('ck_crm_email_state')),
        sa.ForeignKeyConstraint(['company_id'], ['core_company.id'], name=op.f('fk_crm_email_company_id')),
        *(
            sa.ForeignKeyConstraint(
                ['company_id', column], [f'{table}.company_id', f'{table}.id'], name=op.f(f'fk_crm_email_company_id_{column}')
            )
            for column, table in (
                ('account_id', 'contacts_account'),
                ('contact_id', 'contacts_contact'),
                ('deal_id', 'crm_deal'),
                ('lead_id', 'crm_lead'),
                ('sender_id', 'core_membership'),
                ('activity_id', 'crm_activity'),
            )
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_crm_email')),
        sa.UniqueConstraint('company_id', 'id', name=op.f('uq_crm_email_company_id_id')),
        sa.UniqueConstraint('company_id', 'message_id', name=op.f('uq_crm_email_company_id_message_id')),
    )
    for column in ('deal_id', 'contact_id', 'account_id', 'lead_id', 'state'):
        op.create_index(op.f(f'ix_crm_email_company_id_{column}'), 'crm_email', ['company_id', column], unique=False)
    _templates()


def downgrade() -> None:
    op.drop_table('crm_email')
    op.drop_table('crm_email_template')
