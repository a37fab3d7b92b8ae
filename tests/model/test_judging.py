"""What annotators say of a batch's triplets, against a plain loop."""

import numpy as np
import pytest
import torch

from model.crowd import UNSEEN
from model.judging import judgements
from model.sampler import Batch
from model.snapshot import read_snapshot


def rows_by_loop(snapshot, batch, crowd_index, two_terms):
    rows = []
    for number, triplet in enumerate(batch.triplets):
        anchor, positive, negative = (batch.faces.tolist().index(f) for f in snapshot.triplets.faces[triplet])
        own = {
            0: (positive, negative, anchor),
            1: (anchor, negative, positive),
            2: (anchor, positive, negative),
        }
        margin = 0.1 if snapshot.triplets.kind[triplet] == 1 else 0.2
        terms = float(two_terms or snapshot.triplets.source[triplet] == 0)
        said = range(snapshot.answers.start[triplet], snapshot.answers.start[triplet + 1])
        named = [row for row in said if snapshot.answers.odd[row] != 3]
        for row in named:
            who = crowd_index[snapshot.answers.annotator[row]]
            weight = snapshot.answers.weight[row]
            rows.append(
                (*own[int(snapshot.answers.odd[row])], int(who), float(weight), margin, terms, number)
            )
        if not named:
            weight = float(snapshot.triplets.weight[triplet])
            rows.append((anchor, positive, negative, UNSEEN, weight, margin, terms, number))
    return sorted(rows)


@pytest.mark.parametrize("two_terms", [True, False])
def test_judgements_equal_a_plain_loop(mixed_snapshot, two_terms):
    snapshot = read_snapshot(mixed_snapshot)
    triplets = np.array([1, 2, 4, 5, 7])
    batch = Batch(np.unique(snapshot.triplets.faces[triplets]), triplets)
    crowd = torch.tensor([1, UNSEEN, 0])
    found = judgements(snapshot, batch, crowd, tournament_two_terms=two_terms, device=torch.device("cpu"))
    columns = (found.anchor, found.positive, found.negative, found.annotator, found.weight, found.margin)
    columns += (found.two_terms, found.triplet)
    rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
    assert rows == pytest.approx(
        [pytest.approx(row) for row in rows_by_loop(snapshot, batch, crowd, two_terms)]
    )
    assert found.triplets == 5
