"""A manipulation run's settings: data only, so that who plans or stores a run need not load what trains."""

from dataclasses import dataclass, field

from model.device import Precision

# The networks halve a picture's side four times.
SIZE_STEP = 16
SMALLEST_SIZE, LARGEST_SIZE = 32, 512
# Half of the width is normalised in groups.
WIDTH_STEP = 16


@dataclass(frozen=True)
class Weights:
    """Of the generator's loss terms, each a mean over the batch (see losses.py); 0 leaves one out.

    adversarial: the discriminator takes the face for a real one with this embedding.
    embedding: the frozen DLN finds the target's embedding in it.
    reading: so does the discriminator's reader, which learns along from real faces only.
    identity: the frozen identity branch finds the source's person in it.
    itself: given its own embedding, a source comes back unchanged.
    pair: it has the features of the same person's real picture with the target's expression.
    keep: what the expression does not need changed stays as it was.
    """

    adversarial: float = 2.0
    embedding: float = 0.3
    reading: float = 0.5
    identity: float = 0.5
    itself: float = 5.0
    pair: float = 1.0
    keep: float = 0.5


@dataclass(frozen=True)
class ManipulationConfig:
    """A run's settings, stored with its manipulator. The defaults are for 64 px and a CPU.

    size: side in px of the faces taken and made, a multiple of SIZE_STEP.
    steps: of one batch each; an epoch, after which a killed run goes on, is each train face as source once.
    faces_per_step: sources a step. itself_share, pair_share: of these, how many get their own embedding, and
    how many that of another picture of their person; the others get one of somebody else.
    rate: the peak of the generator's learning rate, which falls along a cosine; the discriminator's is higher
    (trainer.FASTER).
    width: channels at half the side; twice and four times as many further down.
    average: of the generator's weights over steps, which is what is kept: how much of it stays at each step.
    hold_out: share of the identities kept for validation where the snapshot has no val faces.
    pairs: held-out (source, target) pairs that each validation looks at.
    """

    size: int = 64
    steps: int = 4000
    seed: int = 0
    faces_per_step: int = 16
    itself_share: float = 0.125
    pair_share: float = 0.375
    rate: float = 5e-4
    width: int = 32
    average: float = 0.998
    precision: Precision = "auto"
    hold_out: float = 0.2
    pairs: int = 256
    weights: Weights = field(default_factory=Weights)
