from app.core.manifest import Manifest

manifest = Manifest(name="dummy", label="Dummy", summary="Uses every hook.", depends=("contacts",), uses=("crm",))
