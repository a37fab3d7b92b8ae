"""The load of a GPU: nothing where there is none, and no use where its driver does not tell."""

import pytest
import torch

from model.gpu import Gauge


def test_a_cpu_has_no_load():
    assert Gauge(torch.device("cpu")).load() is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_tells_its_memory():
    device = torch.device("cuda")
    held = torch.zeros(1 << 26, device=device)
    load = Gauge(device).load()
    assert held.nbytes <= load["memory"] <= load["memory_total"]
    assert load["use"] is None or 0 <= load["use"] <= 100


def test_what_the_driver_refuses_is_asked_for_once(monkeypatch):
    asked = []

    def refuses(device):
        asked.append(device)
        raise ModuleNotFoundError("pynvml does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3, 8))
    monkeypatch.setattr(torch.cuda, "utilization", refuses)
    gauge = Gauge(torch.device("cuda"))
    loads = [gauge.load() for _ in range(2)]
    assert loads == [{"memory": 5, "memory_total": 8, "use": None}] * 2
    assert len(asked) == 1
