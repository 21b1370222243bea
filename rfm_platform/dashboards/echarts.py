"""Apache ECharts, which draws the report: the library's own file, as its release has it.

It comes with a Python package, so that nothing is fetched when a report is made. We use the package
for this file only, and only if it is, byte for byte, what the Apache project published: another
package, or one that was tampered with, is refused.
"""

import hashlib
from importlib import metadata
from pathlib import Path

from rfm_platform.errors import PlatformError

PACKAGE, FILE = "vizly", "vizly/assets/echarts.min.js"
VERSION = "5.5.1"
SHA256 = "e84270bd0cd5bdf60fefc26d00c2a391cb2e81f4d26a7a9ee16185a54773a3cf"
LICENSE = "Apache ECharts 5.5.1, Apache License 2.0, https://echarts.apache.org"


class LibraryError(PlatformError):
    """The plotting library is not there, or is not the one we know."""


def plotting_library() -> str:
    """The text of ``echarts.min.js``."""
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(FILE)))
        content = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        raise LibraryError(
            f"Apache ECharts is missing: the package {PACKAGE} brings {FILE}. Install the "
            "dependencies again."
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise LibraryError(
            f"{FILE} of the package {PACKAGE} is not Apache ECharts {VERSION} as it was published. "
            "Install the version of requirements.lock."
        )
    return content.decode()
