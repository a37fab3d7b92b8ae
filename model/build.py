"""From a network's description to a network: the one place that knows every method."""

from torch import nn

from model.backbone import build_backbone
from model.classifier import ExpressionClassifier
from model.dln import DeviationLearningNetwork
from model.fecnet import FECNet
from model.network import EmbeddingNetwork, Method, NetworkConfig

_CLASSES: dict[Method, type[DeviationLearningNetwork] | type[FECNet] | type[ExpressionClassifier]] = {
    "dln": DeviationLearningNetwork,
    "fecnet": FECNet,
    "classifier": ExpressionClassifier,
}


def build_network(config: NetworkConfig, identity: nn.Module | None = None) -> EmbeddingNetwork:
    """A network of this build on the identity backbone given, or on one with random weights.

    Raises ValueError for a size that the backbone cannot take.
    """
    if identity is None:
        identity = build_backbone(config.backbone, config.size, config.dropout)
    return _CLASSES[config.method](config, identity)
