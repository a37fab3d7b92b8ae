"""What annotators say of a batch's triplets, as rows for the loss.

Which triplets a batch holds is sampler.py's; distances and losses are loss.py's.
"""

import numpy as np
import torch
from torch import Tensor

from model.crowd import UNSEEN
from model.loss import MARGIN, MARGIN_ONE_CLASS, Judgements
from model.sampler import Batch
from model.snapshot import ANSWERS, KINDS, Answers, Snapshot

# An annotator's own triplet: which of (anchor, positive, negative) are hers, by the face she set apart.
_OWN = np.array([(1, 2, 0), (0, 2, 1), (0, 1, 2)])


def _named(answers: Answers, triplets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answers that name a face: place in `triplets` of each, and its row in `answers`."""
    start, count = answers.start[triplets], answers.start[triplets + 1] - answers.start[triplets]
    number = np.repeat(np.arange(len(triplets)), count)
    rows = np.arange(len(number)) + np.repeat(start - (np.cumsum(count) - count), count)
    named = answers.odd[rows] != ANSWERS["uncertain"]
    return number[named], rows[named]


def judgements(
    snapshot: Snapshot, batch: Batch, annotators: Tensor, *, tournament_two_terms: bool, device: torch.device
) -> Judgements:
    """What every annotator says of the batch's triplets (eq. 3), one row each; "uncertain" says nothing.

    `annotators` (A,) gives the crowd layer's index of each of the snapshot's annotators. A triplet whose
    own answers are not in the snapshot (an inferred one, say) is one row with the triplet's weight, unseen.
    """
    table, answers = snapshot.triplets, snapshot.answers
    number, rows = _named(answers, batch.triplets)
    silent = np.setdiff1d(np.arange(len(batch.triplets)), number)

    triplet = np.concatenate([number, silent])
    odd = np.concatenate([answers.odd[rows], np.full(len(silent), ANSWERS["negative"])])
    who = np.concatenate([annotators.numpy()[answers.annotator[rows]], np.full(len(silent), UNSEEN)])
    weight = np.concatenate([answers.weight[rows], table.weight[batch.triplets[silent]]])
    of = batch.triplets[triplet]
    corners = np.searchsorted(batch.faces, table.faces[of])
    own = np.take_along_axis(corners, _OWN[odd], axis=1)
    margin = np.where(table.kind[of] == KINDS["ONE_CLASS_TRIPLET"], MARGIN_ONE_CLASS, MARGIN)
    two_terms = table.imported[of] | tournament_two_terms

    def tensor(values: np.ndarray, dtype: torch.dtype = torch.long) -> Tensor:
        return torch.as_tensor(values, dtype=dtype, device=device)

    return Judgements(
        anchor=tensor(own[:, 0]),
        positive=tensor(own[:, 1]),
        negative=tensor(own[:, 2]),
        annotator=tensor(who),
        weight=tensor(weight, torch.float32),
        margin=tensor(margin, torch.float32),
        two_terms=tensor(two_terms, torch.float32),
        triplet=tensor(triplet),
        triplets=len(batch.triplets),
    )
