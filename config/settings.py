"""Django's settings: one file, read from the environment, working with no environment at all."""

from __future__ import annotations

from datetime import timedelta

import dj_database_url

from config import environment, storage
from config.environment import BASE_DIR
from config.services import EmbeddedServices

STATE_DIR = environment.state_dir()
SECRET_KEY = environment.secret_key()
DEBUG = environment.flag("DEBUG", False)
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "axes",
    "knox",
    "annotate.accounts",
    "annotate.faces",
    "annotate.campaigns",
    "annotate.training",
    "annotate.insight",
    "annotate.curation",
    "annotate.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "annotate.training.notice_views.standing",
                "annotate.insight.study_answer_views.asking",
            ],
        },
    },
]

_services = EmbeddedServices(STATE_DIR)
DATABASES = {
    "default": dj_database_url.parse(
        environment.database_url() or _services.postgresql.url,
        conn_max_age=environment.number("DATABASE_CONNECTION_SECONDS", 600),
        conn_health_checks=True,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = [
    "annotate.accounts.signing_in.Throttle",
    "annotate.accounts.signing_in.PasswordSignIn",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# Ten tries, since people who share a password manager's typos are more than guessers are; a guesser gets
# a thousand tries a day of a password that is none of the common ones.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
# One name from one address: a lab shares one, and a stranger elsewhere can not lock a name for its owner.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# The time that the page names does not grow with each look.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
# Who signed in when, and from where, is nobody's business.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "annotate.accounts.views.locked_out"
AXES_CLIENT_IP_CALLABLE = "annotate.accounts.signing_in.address_of"

# Where a forgotten password is mailed from; without a server the login page says whom to ask.
EMAIL_HOST = environment.text("EMAIL_HOST")
EMAIL_PORT = environment.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = environment.text("EMAIL_USER")
EMAIL_HOST_PASSWORD = environment.text("EMAIL_PASSWORD")
EMAIL_USE_TLS = environment.flag("EMAIL_TLS", True)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "semblance@localhost")
CONTACT = environment.text("CONTACT")

LANGUAGE_CODE = "en"
# Whoever has switched finds her language again.
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = environment.time_zone("TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = environment.text("STATIC_DIR", str(STATE_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "frontend" / "static"]
# Faces and what is made of them are personal data: these folders, and what Django puts into the first one,
# are for the account that Semblance runs under alone.
FACES_DIR = environment.private_folder("FACES_DIR", "faces")
SNAPSHOTS_DIR = environment.private_folder("SNAPSHOTS_DIR", "snapshots")
# What is sent to be imported, until it is.
UPLOADS_DIR = environment.private_folder("UPLOADS_DIR", "uploads")
FILE_UPLOAD_TEMP_DIR = str(UPLOADS_DIR)
UPLOAD_MOST_BYTES = environment.number("UPLOAD_MOST_MB", 4096) << 20
# The folder of the server below which curators may import from; without it they may not.
IMPORT_DIR = environment.folder("IMPORT_DIR")
RUNS_DIR = environment.private_folder("RUNS_DIR", "runs")
# Several machines share a bucket: faces, snapshots and runs are there, and on a machine only while it works
# with them. Nothing of it is served but through an authorised view.
STORAGE_BUCKET = environment.text("STORAGE_BUCKET")
STORAGES = (
    storage.in_bucket(
        STORAGE_BUCKET,
        endpoint=environment.text("STORAGE_ENDPOINT"),
        region=environment.text("STORAGE_REGION"),
        access_key=environment.text("STORAGE_ACCESS_KEY"),
        secret_key=environment.text("STORAGE_SECRET_KEY"),
    )
    if STORAGE_BUCKET
    else storage.in_folder(FACES_DIR)
)

# HTTPS_ONLY is for a server behind a TLS proxy; a lab's first look is over plain http on localhost.
HTTPS_ONLY = environment.flag("HTTPS_ONLY", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY else None
# How many proxies stand in front, each adding the address that it was asked from to X-Forwarded-For.
PROXIES = environment.number("PROXIES", 1 if HTTPS_ONLY else 0)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "annotate.accounts.authentication.ApiTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105
# Its own table would stay empty beside ours.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_PREFIX": "smb_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Semblance",
    "DESCRIPTION": "Comparisons of facial expressions, and the triplets that come of them.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SERVE_INCLUDE_SCHEMA": False,
}

CELERY_BROKER_URL = environment.redis_url() or _services.redis.url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A training run may last days: only the row in the database says who trains it, never a redelivery.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": environment.number("CELERY_VISIBILITY_SECONDS", 86_400 * 30)
}
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_ROUTES = {
    "annotate.training.tasks.train_run": {"queue": "gpu"},
    # Seconds each, and somebody waits for them.
    "annotate.insight.tasks.find_query_faces": {"queue": "quick"},
    "annotate.insight.tasks.embed_query": {"queue": "quick"},
    "annotate.insight.tasks.make_grid": {"queue": "quick"},
    "annotate.insight.tasks.make_interpolation": {"queue": "quick"},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "notice-lost-imports": {"task": "annotate.faces.tasks.notice_lost_imports", "schedule": 30.0},
    "notice-lost-runs": {"task": "annotate.training.tasks.notice_lost_runs", "schedule": 30.0},
    "look-for-gpu-workers": {"task": "annotate.training.tasks.look_for_gpu_workers", "schedule": 30.0},
    "notice-lost-errands": {"task": "annotate.training.tasks.notice_lost_errands", "schedule": 30.0},
    "notice-lost-insight": {"task": "annotate.insight.tasks.notice_lost_insight", "schedule": 30.0},
    "tend-embedding-index": {"task": "annotate.insight.tasks.tend_embedding_index", "schedule": 60.0},
    "sweep-queries": {"task": "annotate.insight.tasks.sweep", "schedule": 600.0},
    "tend-fine-tunings": {"task": "annotate.training.tasks.tend_fine_tunings", "schedule": 120.0},
    "notice-lost-curation": {"task": "annotate.curation.tasks.notice_lost_curation", "schedule": 60.0},
}

# How many processes train one run together; 0: one on each GPU that its worker sees, else one.
TRAINING_PROCESSES = environment.number("TRAINING_PROCESSES", 0)

LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": environment.choice("LOG_LEVEL", "WARNING", LOG_LEVELS)},
}
