"""Networks that a worker's process keeps in memory, so that a second query need not load them again.

For what tasks call: the web server loads no torch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from annotate.training.models import ModelVersion
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand

if TYPE_CHECKING:
    from model.inference import Embedder

# With the large backbone, one is 200 MB.
MOST_KEPT = 2


class Networks:
    """Embedders by model version, the last used ones. A version never changes, so none grows stale."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Embedder] = OrderedDict()

    def embed(self, version: ModelVersion, crops: Sequence[bytes]) -> np.ndarray:
        """E_exp (N, 16) of N aligned crops (picture files' bytes), as errands embed those of faces.

        Raises BadCheckpoint where the version's checkpoint is gone, or can not be loaded.
        """
        from model.crops import decode

        embedder = self._embedder(version)
        return embedder.embed(np.stack([decode(crop, embedder.size) for crop in crops]))

    def _embedder(self, version: ModelVersion) -> Embedder:
        from model.errors import ModelError
        from model.inference import Embedder

        # Another database's version may have the same number.
        key = (version.pk, version.folder)
        if key not in self._kept:
            with checkpoint_at_hand(version) as folder:
                try:
                    self._kept[key] = Embedder.load(folder, "cpu")
                except ModelError as error:
                    raise BadCheckpoint(f"{version} can not be loaded: {error}") from error
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


NETWORKS = Networks()
