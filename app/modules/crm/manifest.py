"""What the module says about itself."""

from app.core.i18n import _l
from app.core.manifest import Manifest

manifest = Manifest(
    name="crm",
    label=_l("CRM"),
    summary=_l("Deals on a pipeline board, with their whole history and the figures drawn from it."),
    icon="chart-funnel",
    depends=("contacts",),
    order=20,
)
