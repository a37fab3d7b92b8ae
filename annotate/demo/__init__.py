"""Drawn faces and simulated raters, so that a bare clone has something to show."""
