"""What is in the image, as a CycloneDX list: every Python distribution and Debian package.

Run inside the image (``make sbom``): it lists what is installed, not what was asked for. Shared
libraries that wheels bring along are part of their wheel and are not listed one by one.
"""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

DPKG_STATUS = Path("/var/lib/dpkg/status")


def python_components() -> list[dict[str, Any]]:
    """Python distributions, with the licence that each states."""
    found = {}
    for distribution in importlib.metadata.distributions():
        name, version = distribution.metadata["Name"], distribution.version
        licence = distribution.metadata["License-Expression"] or distribution.metadata["License"]
        component: dict[str, Any] = {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        }
        if licence and "\n" not in licence:  # a few put the whole text there
            component["licenses"] = [{"license": {"name": licence}}]
        found[component["purl"]] = component
    return [found[purl] for purl in sorted(found)]


def debian_components(status: str) -> list[dict[str, Any]]:
    """Debian packages, from the text of dpkg's status file."""
    components = []
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"
            components.append({"type": "library", "name": name, "version": version, "purl": purl})
    return components


def main() -> None:
    """Writes the list to standard output."""
    components = python_components()
    if DPKG_STATUS.exists():
        components += debian_components(DPKG_STATUS.read_text("utf-8"))
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "rfm_platform"}},
        "components": components,
    }
    json.dump(bom, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
