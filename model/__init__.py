"""What learns: the Deviation Learning Network, its training and inference, in plain PyTorch.

Nothing here knows of the web, its tables or its settings. Importing the package itself loads nothing.
"""
