"""The project's settings, with the addresses of bare_urls.py beside its own."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.bare_urls"
