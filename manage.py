#!/usr/bin/env python
"""Semblance's command line. Commands that need them start the embedded services by themselves."""

import os
import signal
import sys
import warnings

WITHOUT_SERVICES = {
    "help", "version", "--help", "--version", "-h",
    "check", "spectacular", "collectstatic", "makemigrations",
}  # fmt: skip


def _needs_services(arguments: list[str]) -> bool:
    command = arguments[1] if len(arguments) > 1 else "help"
    return command not in WITHOUT_SERVICES and not {"--help", "-h"} & set(arguments)


def _end(signum: int, frame: object) -> None:
    # As an exception, so that the embedded services are stopped on the way out.
    sys.exit(128 + signum)


def _unreachable(error: Exception) -> bool:
    # A failure without one of PostgreSQL's codes did not come from a database: there was no connection.
    return getattr(error.__cause__, "pgcode", "") is None


def run(arguments: list[str]) -> None:
    """Run one command. Exits with one line where the surroundings, not the code, are at fault."""
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from config.embedded import ServiceError
    from config.environment import BadVariable
    from config.services import use_services

    try:
        if _needs_services(arguments):
            use_services()
        execute_from_command_line(arguments)
    except (BadVariable, ServiceError) as error:
        sys.exit(str(error))
    except OperationalError as error:
        if not _unreachable(error):
            raise
        sys.exit(f"The database does not answer ({' '.join(str(error).split())}). Check DATABASE_URL.")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # It looks into the database only to see whether what was applied fits; without one it writes as well.
    warnings.filterwarnings("ignore", "Got an error checking a consistent migration history")
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    try:
        run(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
