"""What was installed when a number was made."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("tagalign", "torch", "transformers", "numpy", "pillow", "safetensors")


def package_versions() -> dict[str, str | None]:
    """Python and the packages that can move a number."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
