"""What e-mail plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, Schedule, Timeline
from app.core.i18n import _l
from app.modules.crm.mail import demo, sending, services, views  # noqa: F401  # views: its pages
from app.modules.crm.mail.personal import PERSONAL
from app.modules.crm.mail.queries import PLACES
from app.modules.crm.mail.seeds import on_enable
from app.modules.crm.mail.templates import email_template
from app.modules.crm.mail.words import entries_on

hooks = Hooks(
    resources=(email_template,),
    permissions={"crm.mail.view": _l("See e-mails"), "crm.mail.send": _l("Write e-mails")},
    grants={"manager": ("crm.mail.view", "crm.mail.send"), "rep": ("crm.mail.view", "crm.mail.send")},
    items=(
        *(Item(slot=f"{key}.tabs", label=_l("E-mails"), endpoint="crm.mail_list", permission="crm.mail.view", icon="mail",
               order=60) for key in PLACES.values()),
        *(Item(slot=f"{key}.actions", label=_l("Write e-mail…"), endpoint="crm.mail_write", permission="crm.mail.send", icon="mail")
          for key in PLACES.values()),
        Item(slot="nav.end", under="admin", label=_l("E-mail templates"), endpoint="crm.email_template_list",
             permission="crm.email_template.edit", icon="mail", order=86),
    ),
    timeline=tuple(
        Timeline(resource=key, permission="crm.mail.view", entries=entries_on(kind), kinds=("mail",)) for kind, key in PLACES.items()
    ),
    handlers={"crm.lead_converted": services.follow_lead},
    jobs={"crm.send_mail": sending.send, "crm.check_mail": sending.check},
    schedules=(Schedule(job="crm.check_mail", every_minutes=15),),
    personal=PERSONAL,
    demo=demo.fill,
    on_enable=on_enable,
)
