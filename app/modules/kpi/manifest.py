"""What the module says about itself."""

from app.core.i18n import _l
from app.core.manifest import Manifest

manifest = Manifest(
    name="kpi",
    label=_l("Goals and KPIs"),
    summary=_l("Goals checked by rules, measured every day, and followed by the people they belong to."),
    icon="target-arrow",
    depends=("contacts",),
    uses=("crm",),
    order=30,
)
