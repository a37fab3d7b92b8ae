"""An ablation fills every row that a snapshot can, goes on where it stopped, states paired differences."""

import dataclasses

import numpy as np
import pytest

from model.ablation import Ablation, Measured, Row, ablate, rows_of
from model.ablation_tables import difference, plot, table
from model.errors import TrainingError
from model.events import Events
from model.snapshot import SOURCES, read_snapshot
from model.training import Trainer
from tests.model.test_training import QUICK

SHORT = dataclasses.replace(QUICK, epochs=1)


def measure(snapshot, output, **settings):
    config = settings.pop("config", SHORT)
    with Events(output.with_suffix(".events")) as events:
        return ablate(Ablation(snapshot, output, config, **{"seeds": 2, **settings}), events)


def report(mean):
    kinds = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET", "mean")
    return {
        "strong": {"accuracy": dict.fromkeys(kinds, mean)},
        "weak": {"accuracy": dict.fromkeys(kinds)},
        "tournament": {"accuracy": None},
    }


def test_rows_are_those_that_the_snapshot_can_fill(drawn, bare_snapshot):
    snapshot = read_snapshot(drawn)
    names = [row.name for row in rows_of(snapshot)]
    orders = [f"DLN^{k}" for k in range(1, 6)]
    assert names == ["pixels", "hog", "AFFNet-CL", "FECNet", *orders, "DLN^3 CL"]
    source = snapshot.triplets.source.copy()
    source[::4] = SOURCES["inferred"]
    mixed = dataclasses.replace(snapshot, triplets=dataclasses.replace(snapshot.triplets, source=source))
    rows = {row.name: row for row in rows_of(mixed)}
    assert list(rows)[-3:] == ["DLN^3 CL", "DLN^3 HA", "DLN^3 CL HA"]
    assert rows["DLN^3 CL"].settings["imported_share"] == 1.0
    assert "imported_share" not in rows["DLN^3 HA"].settings
    assert "DLN^3 CL" not in [row.name for row in rows_of(read_snapshot(bare_snapshot))]


def test_it_goes_on_where_it_was_interrupted(drawn, tmp_path, monkeypatch):
    only, trained = ("hog", "FECNet", "DLN^1"), []
    epoch = Trainer.epoch

    def counted(self, *rest):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(self)
        return epoch(self, *rest)

    monkeypatch.setattr(Trainer, "epoch", counted)
    with pytest.raises(KeyboardInterrupt):
        measure(drawn, tmp_path / "out", only=only)
    monkeypatch.setattr(Trainer, "epoch", lambda self, *rest: trained.append(self) or epoch(self, *rest))
    measured = measure(drawn, tmp_path / "out", only=only)
    assert len(trained) == 4
    assert [(one.row.name, len(one.reports)) for one in measured] == [("hog", 1), ("FECNet", 2), ("DLN^1", 2)]
    assert measured[2].reports[0] != measured[2].reports[1]
    again = measure(drawn, tmp_path / "out", only=only)
    assert len(trained) == 4
    assert again == measured
    with pytest.raises(TrainingError, match="another snapshot or with other settings"):
        measure(drawn, tmp_path / "out", config=QUICK)


def test_a_row_that_there_is_not(drawn, tmp_path):
    with pytest.raises(TrainingError, match=r"no row 'DLN\^9'; there are pixels, hog, AFFNet-CL, FECNet"):
        measure(drawn, tmp_path / "out", only=("DLN^9",))


def test_paired_differences():
    values, others = np.array([0.60, 0.64, 0.62]), np.array([0.58, 0.61, 0.61])
    mean, low, high = difference(values, others)
    # By hand: differences 0.02, 0.03, 0.01; standard error 0.01 / sqrt(3); t(0.975, 2) = 4.302653.
    assert mean == pytest.approx(0.02)
    assert (low, high) == pytest.approx((0.02 - 0.0248414, 0.02 + 0.0248414), abs=1e-6)
    assert np.isnan(difference(values[:1], others[:1])[1:]).all()


def test_the_table_and_the_plot(tmp_path):
    measured = [
        Measured(Row("hog", floor="hog"), (report(0.348),)),
        Measured(Row("DLN^1"), (report(0.58), report(0.61), report(0.61))),
        Measured(Row("DLN^3", against="DLN^1"), (report(0.60), report(0.64), report(0.62))),
    ]
    lines = table(measured).splitlines()
    assert lines[2].startswith("| hog |  | 34.8 | 34.8 |")
    assert "60.0 ± 1.7" in lines[3]
    assert lines[4].endswith("| +2.0 (-0.5 to +4.5) to DLN^1 |")
    assert len({line.count("|") for line in lines}) == 1
    plot(measured, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
