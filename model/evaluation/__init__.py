"""What an embedding is good for, measured on labelled faces (the paper's section 4).

Measures take vectors and labels, whatever network or floor they come from.
"""
