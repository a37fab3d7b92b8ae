"""Every address of the application."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from annotate.campaigns.compare_views import compare, home

urlpatterns = [
    path("", home, name="home"),
    path("campaigns/<int:campaign_id>/compare/", compare, name="compare"),
    path("", include("annotate.accounts.urls")),
    path("", include("annotate.faces.urls")),
    path("", include("annotate.campaigns.urls")),
    path("", include("annotate.training.urls")),
    path("", include("annotate.insight.urls")),
    path("", include("annotate.curation.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("django-admin/", admin.site.urls),
]
