"""Labelled data sets in the layouts in which they are distributed: who is on which picture, and how.

Nothing is downloaded or decoded here: each has a licence that a user asks for herself.
"""

NAMES = ("affectnet", "celeba", "ckplus", "mmi", "rafd", "rafdb")
