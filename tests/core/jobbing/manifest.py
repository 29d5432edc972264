from app.core.manifest import Manifest

manifest = Manifest(name="jobbing", label="Jobs for tests")
