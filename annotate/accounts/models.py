"""People, one role each; how they get in (invitations, API tokens); what they consent to."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken


class Role(models.TextChoices):
    ANNOTATOR = "annotator", _("annotator")
    CURATOR = "curator", _("curator")
    ADMIN = "admin", _("admin")


class UserQuerySet(models.QuerySet["User"]):
    def active_admins(self) -> UserQuerySet:
        """Those who can let others in again."""
        return self.filter(role=Role.ADMIN, is_active=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
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

    username = models.CharField(
        _("username"), max_length=150, unique=True, validators=[UnicodeUsernameValidator()],
        error_messages={"unique": _("Somebody has this name already. Choose another.")},
    )  # fmt: skip
    email = models.EmailField(_("e-mail address"), blank=True, help_text="For a forgotten password, if given")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ANNOTATOR)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False, help_text="To within some minutes")
    sessions_ended = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often all of her sessions were ended; part of each session"
    )
    invitation = models.ForeignKey(
        "Invitation", on_delete=models.PROTECT, null=True, editable=False, related_name="people"
    )

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session must hold to be hers: it changes with her password, and where all are ended."""
        return super()._get_session_auth_hash(secret) + (
            f".{self.sessions_ended}" if self.sessions_ended else ""
        )

    @property
    def last_seen(self) -> datetime | None:
        return max((at for at in (self.seen_at, self.last_login) if at), default=None)

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


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, at: datetime) -> InvitationQuerySet:
        """Those that still let somebody in."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=at, used__lt=F("uses"))

    def manageable_by(self, user: User) -> InvitationQuerySet:
        """A curator sees to annotators only."""
        return self if user.is_admin else self.filter(role=Role.ANNOTATOR)


class Invitation(models.Model):
    """A link with which strangers make accounts of one role. Of its token only the hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ANNOTATOR)
    note = models.CharField(max_length=200, blank=True, help_text="For you: whom it is for")
    uses = models.PositiveSmallIntegerField(default=1, help_text="How many accounts it may make")
    used = models.PositiveSmallIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(condition=Q(used__lte=F("uses")), name="invitation_used_at_most"),
        ]

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.uses

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class ApiToken(AbstractAuthToken):
    """Lets a script use the API in somebody's name and role. Of the token only the hash is kept."""

    name = models.CharField(max_length=100)
    used_at = models.DateTimeField(null=True, editable=False, help_text="To within an hour")


class ConsentTextQuerySet(models.QuerySet["ConsentText"]):
    def published(self) -> ConsentTextQuerySet:
        """The newest first: that is the one in force."""
        return self.filter(published_at__isnull=False).order_by("-version")

    def with_consent_of(self, user: User) -> ConsentTextQuerySet:
        """Adds `is_accepted`: whether she has accepted it, and not withdrawn."""
        hers = Consent.objects.filter(text=OuterRef("pk"), user=user, withdrawn_at__isnull=True)
        return self.annotate(is_accepted=Exists(hers))


class ConsentText(models.Model):
    """What annotators agree to, in versions. One is a draft at most; a published one stays as it is."""

    version = models.PositiveIntegerField(unique=True)
    text = models.TextField(help_text="Markdown")
    text_zh_hans = models.TextField(blank=True, help_text="Markdown; without it everybody reads the other")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = ConsentTextQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) ^ Q(published_by__isnull=False),
                name="consent_text_published_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["published_at"], condition=Q(published_at__isnull=True), nulls_distinct=False,
                name="consent_text_one_draft",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Consent, version {self.version}"

    def in_language(self, code: str) -> tuple[str, str]:
        """The language's code and the text that a reader of this language is shown."""
        if code == "zh-hans" and self.text_zh_hans:
            return code, self.text_zh_hans
        return "", self.text


class Consent(models.Model):
    """That somebody accepted a version, when, as she read it, and whether she has withdrawn that."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents")
    language = models.CharField(max_length=10, blank=True, help_text="Of its translation; empty: of none")
    accepted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "text"], condition=Q(withdrawn_at__isnull=True), name="consent_once"
            ),
        ]
