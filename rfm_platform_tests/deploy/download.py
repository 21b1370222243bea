"""`make charts`: the newest official charts into a directory, from the internet."""

import sys
from pathlib import Path

REPOSITORIES = {
    "dagster": "https://dagster-io.github.io/helm",
    "redash": "https://getredash.github.io/contrib-helm-chart",
}


def main() -> None:
    """See the module."""
    import helm_python as helm  # noqa: PLC0415 - not on every platform

    directory = Path(sys.argv[1]).expanduser()
    directory.mkdir(parents=True, exist_ok=True)
    for name, repository in REPOSITORIES.items():
        print(helm.pull(name, repo_url=repository, destination=directory))


if __name__ == "__main__":
    main()
