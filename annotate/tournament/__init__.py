"""The pure core: grouping, brackets, closure, agreement. Standard library and numpy only.

No Django, no clock, no global randomness: a random.Random is passed in.
"""
