#!/usr/bin/env python
"""Semblance's command line. Commands that need them start the embedded services by themselves."""

import os
import sys

WITHOUT_SERVICES = {"help", "version", "--help", "--version", "-h", "check", "spectacular", "collectstatic"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.services import ServiceError, use_services

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    asks_for_help = {"--help", "-h"} & set(sys.argv)
    if command not in WITHOUT_SERVICES and not asks_for_help:
        try:
            use_services()
        except ServiceError as error:
            sys.exit(str(error))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
