"""`python -m broker.health`: whether a worker of this machine is registered. For a container's health check."""

import sys

from broker import registry
from broker.settings import settings
from chorus.connection import connect, refusals
from chorus.errors import ChorusError, FarmError
from chorus.stack_address import address


def check(role: str) -> str:
    """The id of a registered worker of this host in this role, or in any if it is empty; FarmError if there is none."""
    connection = connect(address(settings()))
    with refusals(connection):
        workers = registry.read(connection).workers
    for worker in workers:
        if worker.host == registry.host() and worker.role.startswith(role):
            return worker.id
    raise FarmError(
        f"No {role or 'worker'} of {registry.host()} has registered within the last ten seconds: look into its log."
    )


def main() -> None:
    """Print the worker's id and exit with 0, or the reason and 1."""
    try:
        print(check(sys.argv[1] if len(sys.argv) > 1 else ""))  # noqa: T201 - it is a command
    except ChorusError as error:
        sys.exit(f"chorus: {error}")


if __name__ == "__main__":
    main()
