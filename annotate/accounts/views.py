"""Logging in. Registration is closed: an admin makes the accounts."""

from django.contrib.auth.views import LoginView
from django.shortcuts import redirect


class Login(LoginView):
    def get(self, request, *args, **kwargs):
        """Whoever is logged in has nothing to do here, unless a page sent her to log in as somebody else."""
        if request.user.is_authenticated and not self.get_redirect_url():
            return redirect("home")
        return super().get(request, *args, **kwargs)
