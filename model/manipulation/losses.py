"""The terms of the generator's and the discriminator's losses. Tensors only; weights are config.py's."""

from torch import Tensor
from torch.nn import functional

from model.manipulation.discriminator import Opinion

CHROMA = 10.0


def discriminator_loss(real: Opinion, made: Opinion, mistaken: Opinion) -> Tensor:
    """Least squares (Mao et al. 2017): patches of real faces to 1, of made ones to 0, and of `mistaken` ones.

    Those are real faces with the embedding of another expression: so the expression counts, not only looks.
    """
    return _from(real, 1) + 0.5 * (_from(made, 0) + _from(mistaken, 0))


def adversarial_loss(made: Opinion) -> Tensor:
    """Patches of made faces to 1."""
    return _from(made, 1)


def _from(opinion: Opinion, wanted: float) -> Tensor:
    """Mean squared distance of the patches from `wanted`, over small and large ones alike."""
    small, large = ((patches - wanted).square().mean() for patches in opinion.patches)
    return (small + large) / 2


def embedding_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean square of the difference of standardised embeddings (N, D): of two at random it is 2."""
    return (found.float() - wanted).square().mean()


def identity_loss(found: Tensor, people: Tensor) -> Tensor:
    """1 - cosine of V_id (N, 512) and the mean V_id of the source's person.

    Of the person, not of the source's picture: V_id of one picture holds its expression too.
    """
    return (1 - functional.cosine_similarity(found.float(), people, dim=1)).mean()


def pixel_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of faces (N, 3, S, S)."""
    return (made - wanted).abs().mean()


def keep_loss(made: Tensor, sources: Tensor) -> Tensor:
    """Mean absolute difference of faces, and of their hues CHROMA times that.

    An expression is form and shade. What a tint does to the DLN is no expression, and without this the
    generator finds it first.
    """
    hues = made - made.mean(dim=1, keepdim=True), sources - sources.mean(dim=1, keepdim=True)
    return pixel_loss(made, sources) + CHROMA * pixel_loss(*hues)


def pair_loss(made: Tensor, real: Tensor) -> Tensor:
    """How far each patch of the real picture is from the likest one of the made face near its place.

    Features (N, C, s, s) of the discriminator; 1 - cosine, so the light counts little. Pictures of one
    person differ in pose, too: pixels, or patches in their very place, would teach the mean of all poses,
    a blur. So the likest of 3 x 3 patches counts, which is a tolerance of an eighth of the side.
    """
    made, real = functional.normalize(made, dim=1), functional.normalize(real, dim=1)
    count, channels, height, width = made.shape
    around = functional.unfold(made, 3, padding=1).view(count, channels, 9, height, width)
    likeness = (around * real[:, :, None]).sum(dim=1)
    return (1 - likeness.amax(dim=1)).mean()
