"""Data sets, faces and imported triplets: import, storage and serving of pictures."""
