"""The two backbones: pictures to 512-d vectors V, before any L2 normalisation.

What is done with V (deviation, normalisation, embedding) is network.py's; where FaceNet's weights come
from is facenet_weights.py's.
"""

from collections import OrderedDict
from typing import Literal, cast

from torch import Tensor, nn

FEATURES = 512

BackboneName = Literal["small", "facenet"]
BACKBONES: tuple[BackboneName, ...] = ("small", "facenet")

# Side in pixels that a backbone sees unless told otherwise. The paper feeds FaceNet 224 px.
DEFAULT_SIZE: dict[BackboneName, int] = {"small": 64, "facenet": 160}
# Below this the feature maps vanish.
SMALLEST_SIZE: dict[BackboneName, int] = {"small": 32, "facenet": 75}


def to_input(crops: Tensor) -> Tensor:
    """uint8 crops (N, 3, S, S) as both backbones take them: float32, (x - 127.5) / 128, as FaceNet does."""
    return (crops.float() - 127.5) / 128


def build_backbone(name: BackboneName, size: int, dropout: float | None = None) -> nn.Module:
    """A backbone with random weights: float images (N, 3, size, size) to V (N, 512).

    `dropout` None is the backbone's own (FaceNet 0.6, small 0.2). Raises ValueError for a size below
    SMALLEST_SIZE.
    """
    if size < SMALLEST_SIZE[name]:
        raise ValueError(f"{name} needs pictures of at least {SMALLEST_SIZE[name]} px, not {size}")
    if name == "small":
        return SmallBackbone(size, 0.2 if dropout is None else dropout)
    return _facenet(0.6 if dropout is None else dropout)


class SmallBackbone(nn.Module):
    """A compact network for 64 px crops and CPU: four strided convolutions, then one linear layer to 512.

    It keeps the place of features (no global pooling): crops are aligned, and where a brow or a mouth
    corner lies is the expression. At 64 px two CPU cores train about a thousand faces a second.
    """

    WIDTHS = (24, 48, 96, 192)

    def __init__(self, size: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for wider in self.WIDTHS:
            layers += [
                nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(inplace=True),
            ]
            width, size = wider, (size + 1) // 2
        self.trunk = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(width * size * size, FEATURES, bias=False)
        self.last_bn = nn.BatchNorm1d(FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        """Float images (N, 3, size, size) to V (N, 512)."""
        features = self.dropout(self.trunk(images).flatten(1))
        return cast(Tensor, self.last_bn(self.last_linear(features)))


def _facenet(dropout: float) -> nn.Module:
    # Imported here: the import costs seconds and only this backbone needs it.
    from facenet_pytorch import InceptionResnetV1

    facenet = InceptionResnetV1(pretrained=None, classify=True, num_classes=1, dropout_prob=dropout)
    # With `classify` it returns its logits instead of normalised V; an identity in their place returns V.
    facenet.logits = nn.Identity()
    return cast(nn.Module, facenet)


def feature_maps(backbone: nn.Module, name: BackboneName) -> tuple[nn.Module, int]:
    """The lower part of a backbone, to the maps that still have a place: the module and their channels.

    FaceNet's end at 1/16 of the side, below its last reduction, as FECNet's inception 4e does; the small
    backbone's at 1/8.
    """
    if name == "small":
        return cast(SmallBackbone, backbone).trunk[:9], SmallBackbone.WIDTHS[2]
    names = (
        "conv2d_1a conv2d_2a conv2d_2b maxpool_3a conv2d_3b conv2d_4a conv2d_4b repeat_1 mixed_6a repeat_2"
    )
    return nn.Sequential(OrderedDict((part, getattr(backbone, part)) for part in names.split())), 896


def frozen(module: nn.Module) -> nn.Module:
    """The module itself, in eval mode, with no parameter that takes gradients."""
    return module.eval().requires_grad_(False)
