from app.core.i18n import _l
from app.core.manifest import Manifest

manifest = Manifest(
    name="contacts",
    label=_l("Contacts"),
    summary=_l("Accounts with their groups, and the people who work there."),
    icon="address-book",
    always_on=True,
    order=40,
)
