"""A checkpoint's network as one ONNX file, for use without Python or torch.

uint8 crops go in, so that no user has to know how the network wants them scaled. The crowd layer stays out.
"""

import os
from pathlib import Path
from typing import cast

import onnx
import torch
from torch import Tensor, nn

from model.backbone import to_input
from model.checkpoint import Description, load_checkpoint
from model.errors import OutputError

INPUT = "crops"
OUTPUT = "embedding"
# Two, not one: torch takes a size of 1 for a constant.
_EXAMPLE = 2


class _FromCrops(nn.Module):
    """uint8 crops (N, 3, S, S), RGB, to embeddings (N, 16)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        return cast(Tensor, self.network(to_input(crops)))


def export(checkpoint: Path, output: Path) -> None:
    """Write the whole network, in eval mode, to `output`; the file is whole or not there.

    Input `crops`: uint8 (N, 3, size, size), RGB, aligned. Output `embedding`: float32 (N, 16). N is free.
    Its metadata tell method, backbone, size, epoch and snapshot. Raises CheckpointError or OutputError.
    """
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent}: no such folder")
    network, _, description = load_checkpoint(checkpoint)
    model = _traced(_FromCrops(network).eval(), description.network.size)
    model.doc_string = (
        f"{INPUT}: aligned faces, uint8 RGB (N, 3, S, S). {OUTPUT}: expression embeddings, float32 (N, 16)."
    )
    onnx.helper.set_model_props(model, _metadata(description))
    onnx.checker.check_model(model, full_check=True)
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    onnx.save_model(model, part)
    part.replace(output)


def _traced(network: nn.Module, size: int) -> onnx.ModelProto:
    program = torch.onnx.export(
        network,
        (torch.zeros(_EXAMPLE, 3, size, size, dtype=torch.uint8),),
        dynamo=True,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None  # None only without dynamo
    return cast(onnx.ModelProto, program.model_proto)


def _metadata(description: Description) -> dict[str, str]:
    """All values are text: ONNX knows no other."""
    return {
        "method": description.network.method,
        "backbone": description.network.backbone,
        "size": str(description.network.size),
        "epoch": str(description.epoch),
        "snapshot_name": str(description.snapshot.get("name", "")),
        "snapshot_sha256": str(description.snapshot.get("sha256", "")),
    }
