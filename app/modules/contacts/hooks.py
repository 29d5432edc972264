"""What the contacts module plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, Merge
from app.core.i18n import _l
from app.modules.contacts import demo
from app.modules.contacts.metrics import METRICS
from app.modules.contacts.models import AccountOwner
from app.modules.contacts.resources import account, contact
from app.modules.contacts.views import blueprint

hooks = Hooks(
    blueprint=blueprint,
    resources=(account, contact),
    permissions={
        "contacts.figures.team": _l("See the figures of one's teams"),
        "contacts.figures.company": _l("See the figures of the whole company"),
    },
    grants={"manager": ("contacts.figures.team",)},
    metrics=METRICS,
    # One account has one owner at a time: who looked after the one that goes is its own past.
    merges=(Merge(resource="contacts.account", own=(AccountOwner.__tablename__,)),),
    demo=demo.fill,
    items=(
        Item(slot="nav", label=_l("Accounts"), endpoint="contacts.account_list", permission="contacts.account.view",
             icon="building", order=10),
        Item(slot="nav", label=_l("People"), endpoint="contacts.contact_list", permission="contacts.contact.view",
             icon="users", order=20),
        Item(slot="nav", label=_l("Portfolios"), endpoint="contacts.portfolios", permission="contacts.account.view",
             icon="briefcase", order=30),
        Item(slot="create", label=_l("Account"), endpoint="contacts.account_new", permission="contacts.account.create",
             icon="building", order=20),
        Item(slot="create", label=_l("Person"), endpoint="contacts.contact_new", permission="contacts.contact.create",
             icon="user", order=30),
        Item(slot="contacts.account.tabs", label=_l("People"), endpoint="contacts.account_people",
             permission="contacts.contact.view", icon="users", order=20),
        Item(slot="contacts.account.tabs", label=_l("Subsidiaries"), endpoint="contacts.account_subsidiaries",
             permission="contacts.account.view", icon="sitemap", order=30),
        Item(slot="contacts.account.tabs", label=_l("Owners"), endpoint="contacts.account_owners",
             permission="contacts.account.view", icon="briefcase", order=40),
    ),
)
