from app.core.manifest import Manifest

manifest = Manifest(name="visits", label="Visits", depends=("contacts",))
