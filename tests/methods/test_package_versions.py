"""Versions are those that the packages state of themselves."""

import platform
from importlib.metadata import version

from tagalign.methods import package_versions


def test_versions_are_those_of_the_installed_packages():
    found = package_versions.package_versions()
    assert found.pop("python") == platform.python_version()
    assert found == {name: version(name) for name in package_versions.PACKAGES}


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(package_versions, "PACKAGES", ("torch", "no-such-package-at-all"))
    assert package_versions.package_versions()["no-such-package-at-all"] is None
