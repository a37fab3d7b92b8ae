"""The crowd layer: identity at first and for strangers, each annotator her own map afterwards."""

import torch

from model.crowd import UNSEEN, CrowdLayer


def test_every_map_starts_as_the_identity():
    crowd = CrowdLayer(["user:1", "user:2"])
    embeddings = torch.randn(5, 16)
    seen = crowd(embeddings, torch.tensor([0, 1]))
    assert seen.shape == (2, 5, 16)
    assert all(torch.equal(view, embeddings) for view in seen)


def test_strangers_see_the_embedding_itself():
    crowd = CrowdLayer(["user:1"])
    crowd.maps.data.normal_()
    embeddings = torch.randn(5, 16)
    assert torch.equal(crowd(embeddings, crowd.indices(["user:9"]))[0], embeddings)
    assert crowd.indices(["user:9", "user:1"]).tolist() == [UNSEEN, 0]


def test_each_annotator_has_her_own_map():
    crowd = CrowdLayer(["user:1", "user:2"])
    crowd.maps.data[1] *= 2
    embeddings = torch.randn(5, 16)
    one, other = crowd(embeddings, torch.tensor([0, 1]))
    assert torch.equal(one, embeddings)
    assert torch.equal(other, 2 * embeddings)


def test_only_the_maps_of_those_who_judged_learn():
    crowd = CrowdLayer(["user:1", "user:2", "user:3"])
    crowd(torch.randn(5, 16), torch.tensor([2, UNSEEN])).square().sum().backward()
    moved = crowd.maps.grad.abs().sum(dim=(1, 2)) > 0
    assert moved.tolist() == [False, False, True]


def test_centred_maps_are_the_identity_on_average_whatever_is_learnt():
    torch.manual_seed(0)
    crowd = CrowdLayer(["a", "b", "c"], centred=True)
    crowd.maps.data.normal_()
    free = CrowdLayer(["a", "b", "c"])
    free.maps.data = crowd.maps.data
    assert torch.allclose(crowd.views.mean(dim=0), torch.eye(16), atol=1e-6)
    assert torch.allclose(crowd.views[0] - crowd.views[1], free.views[0] - free.views[1], atol=1e-6)
    embeddings = torch.randn(5, 16)
    seen = crowd(embeddings, torch.tensor([0, 1, 2, UNSEEN]))
    assert torch.allclose(seen[:3].mean(dim=0), embeddings, atol=1e-5)
    assert torch.equal(seen[3], embeddings)


def test_maps_are_taken_over_as_they_act():
    torch.manual_seed(0)
    earlier = CrowdLayer(["a", "b"], centred=True)
    earlier.maps.data.normal_()
    crowd = CrowdLayer(["b", "new"])
    crowd.take_over(earlier)
    assert torch.equal(crowd.views[0], earlier.views[1])
    assert torch.equal(crowd.views[1], torch.eye(16))
