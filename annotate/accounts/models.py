"""People: one table, one role each."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.utils import timezone


class Role(models.TextChoices):
    ANNOTATOR = "annotator", "annotator"
    CURATOR = "curator", "curator"
    ADMIN = "admin", "admin"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, *, role: str = Role.ANNOTATOR) -> User:
        user = self.model(username=self.model.normalize_username(username), role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None) -> User:
        """What `manage.py createsuperuser` calls: an admin."""
        return self.create_user(username, password, role=Role.ADMIN)


class User(AbstractBaseUser):
    """Somebody who logs in. The role alone says what she may do; Django's own permissions follow it."""

    username = models.CharField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ANNOTATOR)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == Role.ADMIN

    @property
    def is_curator(self) -> bool:
        """A curator or an admin: may look at everything and prepare data and campaigns."""
        return self.is_active and self.role in (Role.CURATOR, Role.ADMIN)

    # What Django's admin asks for.
    is_staff = is_superuser = is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin
