"""Where FaceNet's VGGFace2 weights are found: a folder of the user's, torch's cache, or the network.

Nothing else here downloads anything.
"""

import hashlib
import os
import shutil
from pathlib import Path
from urllib.request import urlopen

import torch
from torch import Tensor, nn

from model.errors import WeightsMissing

FILE_NAME = "20180402-114759-vggface2.pt"
URL = f"https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/{FILE_NAME}"
VARIABLE = "MODEL_WEIGHTS_DIR"


def load_facenet_weights(facenet: nn.Module) -> None:
    """Fill a FaceNet backbone with the VGGFace2 weights (Schroff et al.; facenet-pytorch's conversion).

    Looks in $MODEL_WEIGHTS_DIR, then in torch's cache, then downloads into that cache. Raises
    WeightsMissing, which says which file to put where, if none of them has it or it is damaged.
    """
    path = find_weights() or _download()
    facenet.load_state_dict(_read(path))


def find_weights() -> Path | None:
    """The weights file if it is on this machine."""
    return next((path for path in _places() if path.is_file()), None)


def _places() -> list[Path]:
    places = [_cache() / FILE_NAME]
    if folder := os.environ.get(VARIABLE):
        places.insert(0, Path(folder) / FILE_NAME)
    return places


def _cache() -> Path:
    return Path(torch.hub.get_dir()).parent / "checkpoints"  # where facenet-pytorch itself keeps them


def _download() -> Path:
    path = _cache() / FILE_NAME
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A silent network must not hang a worker: 20 s without a byte is a failure.
        with urlopen(URL, timeout=20) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file)
        part.rename(path)
    except OSError as error:  # URLError is one
        part.unlink(missing_ok=True)
        folder = os.environ.get(VARIABLE)
        where = f"into {folder} (${VARIABLE})" if folder else f"into a folder named by ${VARIABLE}"
        raise WeightsMissing(
            f"FaceNet's weights are not here and could not be downloaded ({error}). Put {FILE_NAME} "
            f"(107 MB, from {URL}) {where} or into {path.parent}; or use --backbone small, which needs none."
        ) from error
    return path


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch names no one class for a damaged file
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        raise WeightsMissing(
            f"{path} is not a readable {FILE_NAME} (sha256 {digest[:16]}...): fetch it again from {URL}"
        ) from error
    return {name: tensor for name, tensor in state.items() if not name.startswith("logits.")}
