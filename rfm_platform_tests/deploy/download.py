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
        try:
            helm.pull(name, repo_url=repository, destination=directory)
        except helm.errors.HelmRepoError as error:
            sys.exit(
                f"{repository} cannot be reached from here. Where it can, `helm pull {name} --repo "
                f"{repository}`, and put the file into {directory}. Helm says: {error}"
            )
        print(max(directory.glob(f"{name}-*.tgz"), key=lambda file: file.stat().st_mtime))


if __name__ == "__main__":
    main()
