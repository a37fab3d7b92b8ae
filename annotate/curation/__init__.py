"""Faces with all that is known of them: the wall, a face's page, review, erasure."""
