from app.core.fields import Date, Text
from app.core.hooks import Hooks, Item
from app.core.lookups import Lookup
from app.core.resource import Resource
from visits.models import Visit

account = Lookup("account_id", "Account", target="contacts.account", required=True)
fields = (Text("name", "Purpose", required=True), account, Date("day", "Day"))
visit = Resource(name="visit", model=Visit, label="Visit", label_plural="Visits", fields=fields)
entry = Item(slot="nav", label="Visits", endpoint="visits.visit_list", permission="visits.visit.view")
hooks = Hooks(resources=(visit,), items=(entry,))
