"""Eq. 3 and 4 against a plain loop; gradients; what W_k, margins and terms each do."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.crowd import UNSEEN, CrowdLayer
from model.loss import Judgements, crowd_loss, triplet_loss
from tests.model import naive


def random_rows(rng, faces=9, triplets=6, annotators=4):
    """For each triplet the rows that naive.crowd_loss takes; annotator None has no map."""
    rows = []
    for _ in range(triplets):
        margin, two_terms = rng.choice([0.1, 0.2]), bool(rng.random() < 0.7)
        rows.append(
            [
                (
                    *rng.choice(faces, 3, replace=False),
                    None if rng.random() < 0.2 else int(rng.integers(annotators)),
                    rng.random(),
                    margin,
                    two_terms,
                )
                for _ in range(rng.integers(1, 5))
            ]
        )
    return rows


def as_judgements(rows):
    flat = [row for annotators in rows for row in annotators]
    anchor, positive, negative, annotator, weight, margin, two_terms = zip(*flat, strict=True)
    annotator = [UNSEEN if who is None else who for who in annotator]
    number = np.repeat(np.arange(len(rows)), [len(annotators) for annotators in rows])
    whole = (torch.tensor(np.array(column)) for column in (anchor, positive, negative, annotator))
    real = (torch.tensor(column, dtype=torch.float64) for column in (weight, margin, two_terms))
    return Judgements(*whole, *real, torch.tensor(number), len(rows))


def crowd_of(rng, annotators=4):
    crowd = CrowdLayer([f"user:{number}" for number in range(annotators)]).double()
    crowd.maps.data += 0.3 * torch.tensor(rng.normal(size=crowd.maps.shape))
    return crowd


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), sharpness=st.sampled_from([None, 1.0, 5.0]), with_crowd=st.booleans())
def test_equals_a_plain_loop(seed, sharpness, with_crowd):
    rng = np.random.default_rng(seed)
    rows, embeddings, crowd = random_rows(rng), rng.normal(size=(9, 16)), crowd_of(rng)
    maps = crowd.maps.detach().numpy() if with_crowd else np.tile(np.eye(16), (4, 1, 1))
    expected = naive.crowd_loss(embeddings, rows, maps, sharpness)
    found = crowd_loss(
        torch.tensor(embeddings), as_judgements(rows), crowd if with_crowd else None, sharpness
    )
    assert abs(found.item() - expected) < 1e-10


@pytest.mark.parametrize("sharpness", [None, 5.0])
def test_gradients(sharpness):
    rng = np.random.default_rng(1)
    rows, crowd = as_judgements(random_rows(rng)), crowd_of(rng)
    embeddings = torch.tensor(rng.normal(size=(9, 16)), requires_grad=True)

    def loss(vectors, maps):
        mapped = CrowdLayer(crowd.annotators).double()
        del mapped.maps
        mapped.maps = maps
        return crowd_loss(vectors, rows, mapped, sharpness)

    maps = crowd.maps.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(loss, (embeddings, maps))


def test_weight_scales_that_annotators_loss_exactly():
    rng = np.random.default_rng(2)
    rows = as_judgements([[(0, 1, 2, 0, 1.0, 0.2, True)], [(3, 4, 5, 1, 1.0, 0.2, True)]])
    embeddings = torch.tensor(rng.normal(size=(6, 16)), requires_grad=True)
    grown = dataclasses.replace(rows, weight=torch.tensor([4.0, 1.0], dtype=torch.float64))
    (once,) = torch.autograd.grad(crowd_loss(embeddings, rows, crowd_of(rng), 5.0), embeddings)
    rng = np.random.default_rng(2)
    rng.normal(size=(6, 16))
    (scaled,) = torch.autograd.grad(crowd_loss(embeddings, grown, crowd_of(rng), 5.0), embeddings)
    assert torch.equal(scaled[:3], 4 * once[:3])
    assert torch.equal(scaled[3:], once[3:])


def test_collapsed_embeddings_give_twice_the_margin():
    same = torch.ones(5, 16)
    margin = torch.tensor([0.1, 0.2, 0.2, 0.1, 0.2])
    assert torch.allclose(triplet_loss(same, same, same, margin, torch.ones(5)), 2 * margin)
    assert torch.allclose(triplet_loss(same, same, same, margin, torch.zeros(5)), margin)


def test_well_separated_triplet_costs_nothing():
    anchor, far = torch.zeros(1, 16), torch.full((1, 16), 2.0)
    assert triplet_loss(anchor, anchor, far, torch.tensor([0.2]), torch.ones(1)).item() == 0


def test_swapping_anchor_and_positive_changes_nothing():
    a, p, n = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(0)).double()
    margin, both = torch.full((5,), 0.2), torch.ones(5)
    assert torch.allclose(triplet_loss(a, p, n, margin, both), triplet_loss(p, a, n, margin, both))
