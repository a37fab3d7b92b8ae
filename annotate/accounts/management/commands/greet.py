"""manage.py greet: what to do first in an installation without demo data."""

import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from annotate.accounts.models import Role, User


class Command(BaseCommand):
    help = "Says how to make the first admin, or, once there is one, how many users there are."

    def handle(self, **options):
        if User.objects.filter(role=Role.ADMIN, is_active=True).exists():
            users = User.objects.filter(is_active=True).count()
            self.stdout.write(f"{users} {'user' if users == 1 else 'users'} can log in.")
            return
        python = Path(sys.executable)
        if python.is_relative_to(settings.BASE_DIR):
            python = python.relative_to(settings.BASE_DIR)
        self.stdout.write(
            "There is no admin yet. Make the first one in another terminal, in this folder:\n\n"
            f"    {python} manage.py createsuperuser\n"
        )
