"""Addresses of this room: logging in and out, one's account, people. Registration takes an invitation."""

from django.conf.urls.i18n import urlpatterns as language_urls
from django.contrib.auth.views import LogoutView, PasswordResetDoneView
from django.urls import path

from annotate.accounts import consent_views, invitation_views, people_views, token_views, views

urlpatterns = [
    *language_urls,
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("join/<str:token>/", views.join, name="join"),
    path("account/", views.account, name="account"),
    path("account/password/", views.PasswordChange.as_view(), name="password_change"),
    path("account/tokens/", token_views.token_list, name="token-list"),
    path("account/tokens/<str:digest>/revoke/", token_views.token_revoke, name="token-revoke"),
    path("password/", views.PasswordReset.as_view(), name="password_reset"),
    path(
        "password/sent/",
        PasswordResetDoneView.as_view(template_name="accounts/password_reset_sent.html"),
        name="password_reset_done",
    ),
    path("password/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path("people/", people_views.person_list, name="person-list"),
    path("people/<int:user_id>/", people_views.person_detail, name="person-detail"),
    path("people/<int:user_id>/role/", people_views.person_role, name="person-role"),
    path("people/<int:user_id>/active/", people_views.person_active, name="person-active"),
    path("people/<int:user_id>/reset-link/", people_views.person_reset_link, name="person-reset-link"),
    path("people/<int:user_id>/unlock/", people_views.person_unlock, name="person-unlock"),
    path("people/invitations/", invitation_views.invitation_list, name="invitation-list"),
    path(
        "people/invitations/<int:invitation_id>/revoke/",
        invitation_views.invitation_revoke,
        name="invitation-revoke",
    ),
    path("people/consent/", consent_views.consent_text_list, name="consent-text-list"),
    path("people/consent/<int:version>/", consent_views.consent_text_detail, name="consent-text-detail"),
    path("people/consent/write/", consent_views.consent_text_edit, name="consent-text-edit"),
    path("people/consent/preview/", consent_views.consent_text_preview, name="consent-text-preview"),
    path("people/consent/draft/", consent_views.consent_text_draft, name="consent-text-draft"),
]
