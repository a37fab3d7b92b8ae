"""Face manipulation (section 4.5.3): a source person with a target's expression, by a conditional GAN.

The embedding that conditions it is trained elsewhere and stays frozen here.
"""
