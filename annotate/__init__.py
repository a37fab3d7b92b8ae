"""What the application does: one room per subject. Imports go downwards only."""
