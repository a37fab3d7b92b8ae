"""Snapshots, runs and model versions; the Celery tasks that launch the network."""
