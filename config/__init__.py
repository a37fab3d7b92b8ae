"""How Semblance runs: settings, addresses, Celery, the embedded services and the supervisor."""
