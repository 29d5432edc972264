"""The administration module."""

from app.core.i18n import _l
from app.core.manifest import Manifest

manifest = Manifest(
    name="admin",
    label=_l("Administration"),
    summary=_l("Company, people, permissions and applications."),
    icon="settings",
    always_on=True,
    order=900,
)
