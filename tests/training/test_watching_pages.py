"""The pages that watch runs: what they show as one goes on, several beside each other, what its end tells."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotate.training import notices
from annotate.training.curves import point_of, with_point
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Run, Validation
from annotate.training.results import enter_model_version
from annotate.training.runs import cancel_run, claim_run, fail_run, queue_run, report
from annotate.training.shared_folders import run_folder
from tests.training.test_pages import actors, text_of  # noqa: F401


@pytest.mark.parametrize(
    ("method", "name", "arguments", "may"),
    [
        ("get", "run-compare", [], 302),
        ("get", "run-notices", [], 200),
        ("get", "run-points", ["run"], 200),
        ("post", "run-seen", ["run"], 200),
        ("post", "runs-seen", [], 302),
    ],
)
def test_who_may(actors, run, method, name, arguments, may):  # noqa: F811
    url = reverse(name, args=[run.pk for _ in arguments])
    for actor, client in actors.items():
        response = getattr(client, method)(url)
        expected = {"stranger": 302, "annotator": 403}.get(actor, may)
        assert response.status_code == expected, actor
        if actor == "stranger":
            assert response.url.startswith(reverse("login"))


def test_looking_changes_nothing(actors, run):  # noqa: F811
    for url in (reverse("run-seen", args=[run.pk]), reverse("runs-seen")):
        assert actors["admin"].get(url).status_code == 405


EVALUATION = {
    "strong": {"accuracy": {"TWO_CLASS_TRIPLET": 0.75, "mean": 0.75}, "counts": {"all": 8}},
    "tournament": {"accuracy": 0.5, "count": 4},
}


def end_well(run, *, gpu=True):
    """As a worker does that has heard four steps and four epochs; the third step's loss is not finite."""
    claim = claim_run(run.pk, "w:1", timezone.now())
    points = [{"kind": "start", "time": 100.0, "device": "cuda:0"}]
    for epoch in range(4):
        load = {"memory": (20 + epoch) << 30, "memory_total": 80 << 30, "use": 90 + epoch} if gpu else None
        told = {"time": 110.0 + 10 * epoch, "stage": "train", "step": 10 * epoch + 10}
        loss = None if epoch == 2 else 1 / (epoch + 1)
        for event in (
            {"event": "progress", "steps": 40, "loss": loss, "images_per_second": 12.5, "gpu": load},
            {"event": "epoch", "epoch": epoch + 1, "epochs": 4, "loss": loss, "report": EVALUATION},
        ):
            points = with_point(points, point_of(event | told))
    report(claim, timezone.now(), events=points)
    entered = {"folder": f"{run.pk}", "evaluation": EVALUATION, "embedded": []}
    enter_model_version(claim, **entered, at=timezone.now())
    return Run.objects.get(pk=run.pk)


@pytest.fixture
def succeeded(snapshot, admin):
    """A run of the admin's that has come to its end, on a GPU."""
    return end_well(queue_run(snapshot, {"order": 2}, admin))


def test_what_is_known_of_the_gpu_is_shown(actors, succeeded):  # noqa: F811
    page = actors["curator"].get(f"/runs/{succeeded.pk}/").content.decode()
    assert 'aria-label="GPU memory, GiB by step, at last: in use 23.0 GiB, there is 80.0 GiB"' in page
    assert 'aria-label="GPU use, % by step, at last: use 93 %"' in page
    assert 'data-ys="90 %;91 %;92 %;93 %"' in page


def test_the_points_are_downloaded(actors, succeeded):  # noqa: F811
    answer = actors["curator"].get(f"/runs/{succeeded.pk}/points.csv")
    assert f'filename="run-{succeeded.pk}-points.csv"' in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["step"] for row in rows if row["kind"] == "step"] == ["10", "20", "30", "40"]
    assert [row["accuracy"] for row in rows if row["kind"] == "epoch"] == ["0.75"] * 4
    assert {row["memory_total"] for row in rows if row["kind"] == "step"} == {str(80 << 30)}


def test_a_run_that_was_never_begun_has_no_points(actors, run):  # noqa: F811
    assert actors["curator"].get(f"/runs/{run.pk}/points.csv").content == b"\n"


def test_a_line_of_the_log_keeps_its_name_while_lines_are_added(actors, run):  # noqa: F811
    claim_run(run.pk, "w:1", timezone.now())
    log = run_folder(run) / "log.txt"
    log.parent.mkdir(parents=True)

    def ids(text):
        log.write_text(text)
        page = actors["curator"].get(f"/runs/{run.pk}/live/").content.decode()
        return re.findall(r'id="(log-[^"]+)"', page)

    before = ids("one\none\n1 %\r2 %")
    after = ids("one\none\n1 %\r2 %\r3 %\ntwo\n4 %")
    assert before[-1] == after[-1] == "log-now"
    assert after[:2] == before[:2]
    assert len({*after}) == len(after) == 5


class TestCompare:
    def chosen(self, *runs):
        return reverse("run-compare") + "?" + "&".join(f"run={run.pk}" for run in runs)

    def test_what_differs_is_shown_and_the_rest_folded(self, actors, succeeded, run):  # noqa: F811
        page = actors["curator"].get(self.chosen(succeeded, run))
        differing, folded = text_of(page).split("settings that are the same")[:2]
        assert "Order 2 3" in differing
        assert "Backbone small small" in folded
        assert "Backbone" not in differing
        assert "Strong, two classes 75.0 % –" in differing
        assert "Tournament triplets 50.0 % –" in differing
        assert "On the held-out triplets of their snapshot" in differing

    def test_curves_lie_over_each_other_by_step_and_by_time(self, actors, snapshot, succeeded):  # noqa: F811
        other = end_well(queue_run(snapshot, {"seed": 7}, None))
        page = actors["curator"].get(self.chosen(succeeded, other)).content.decode()
        assert page.count("<polyline") == 4
        assert f'data-name="run {other.pk}" data-xs="10;20;40"' in page, (
            "a step without a finite loss has no point"
        )
        assert 'aria-label="triplet accuracy, % by step' in page
        by_time = actors["curator"].get(self.chosen(succeeded, other) + "&by=time").content.decode()
        assert 'aria-label="loss by seconds' in by_time

    def test_other_snapshots_have_other_held_out_triplets(self, actors, dataset, succeeded):  # noqa: F811
        dataset.faces.filter(key__endswith="calm-00").update(expression="glum")
        other = queue_run(freeze_snapshot(name="later", dataset=dataset), {}, None)
        assert "which are not the same" in text_of(actors["curator"].get(self.chosen(succeeded, other)))

    def test_a_validation_snapshot_is_named(self, actors, snapshot, succeeded, run):  # noqa: F811
        report = {"strong": {"accuracy": {"mean": 0.625}}}
        measured = {"sha256": snapshot.sha256, "report": report, "at": timezone.now()}
        Validation.objects.create(model_version=succeeded.model_version, snapshot=snapshot, **measured)
        page = text_of(actors["curator"].get(self.chosen(succeeded, run)))
        assert "Frozen, frozen for validation 62.5 % –" in page

    def test_surroundings_that_differ(self, actors, succeeded, run):  # noqa: F811
        for one, version in ((succeeded, "2.14.1"), (run, "2.15.0")):
            environment = {"device": "cpu", "libraries": {"torch": version}}
            Run.objects.filter(pk=one.pk).update(environment=environment)
        differing, folded = text_of(actors["curator"].get(self.chosen(succeeded, run))).split(
            "1 that are the same"
        )
        assert "Libraries torch 2.14.1 2.15.0" in differing
        assert "Device cpu cpu" in folded

    @pytest.mark.parametrize(
        "query", ["", "?run=1", "?run=1&run=1", "?run=x&run=1", "?" + "&run=".join("_1234567")]
    )
    def test_too_few_or_too_many_are_led_back(self, actors, run, query):  # noqa: F811
        response = actors["curator"].get(reverse("run-compare") + query, follow=True)
        assert "Choose 2 to 6 runs to compare" in text_of(response)

    def test_an_unknown_run_is_not_found(self, actors, run):  # noqa: F811
        assert actors["curator"].get(reverse("run-compare") + f"?run={run.pk}&run=999").status_code == 404

    def test_a_run_under_way_keeps_it_fresh(self, actors, succeeded, run):  # noqa: F811
        url = self.chosen(succeeded, run)
        assert f'data-live-url="{url.replace("&", "&amp;")}'.replace("&amp;", "&") in (
            actors["curator"].get(url).content.decode().replace("&amp;", "&")
        )
        cancel_run(run.pk, timezone.now())
        assert "data-live" not in actors["curator"].get(url).content.decode()


class TestNotices:
    def unseen(self, client, page="/campaigns/"):
        found = re.search(r'id="runs-unseen" lang="en"( hidden)?>(\d+)', client.get(page).content.decode())
        return 0 if found[1] else int(found[2])

    def test_whoever_launched_it_is_told_and_nobody_else(self, actors, succeeded):  # noqa: F811
        assert self.unseen(actors["admin"]) == 1
        assert self.unseen(actors["curator"]) == 0
        told = text_of(actors["admin"].get(f"/runs/notices/?run={succeeded.pk}"))
        assert f"Run {succeeded.pk} has succeeded: 75.0 %" in told
        assert "has succeeded" not in text_of(actors["curator"].get(f"/runs/notices/?run={succeeded.pk}"))

    def test_a_page_asks_only_while_one_of_her_runs_is_under_way(self, actors, admin, snapshot):  # noqa: F811
        assert "data-live" not in actors["admin"].get("/campaigns/").content.decode()
        run = queue_run(snapshot, {}, admin)
        page = actors["admin"].get("/campaigns/").content.decode()
        assert f'data-live-url="/runs/notices/?run={run.pk}" data-live-seconds="15"' in page
        assert "live/main.js" in page
        assert "data-live" not in actors["curator"].get("/campaigns/").content.decode()
        fail_run(claim_run(run.pk, "w:1", timezone.now()), "No space left\nTraceback", timezone.now())
        answer = actors["admin"].get(f"/runs/notices/?run={run.pk}")
        assert f"Run {run.pk} has failed: No space left Dismiss" in text_of(answer)
        assert "data-live-url" not in answer.content.decode()

    def test_one_that_begins_later_is_waited_for_too(self, actors, admin, snapshot, succeeded):  # noqa: F811
        later = queue_run(snapshot, {}, admin)
        answer = actors["admin"].get(f"/runs/notices/?run={succeeded.pk}").content.decode()
        assert f'data-live-url="/runs/notices/?run={succeeded.pk}&amp;run={later.pk}"' in answer

    def test_opened_it_is_seen(self, actors, succeeded):  # noqa: F811
        actors["curator"].get(f"/runs/{succeeded.pk}/")
        assert self.unseen(actors["admin"]) == 1
        assert self.unseen(actors["admin"], f"/runs/{succeeded.pk}/") == 0
        assert text_of(actors["admin"].get(f"/runs/notices/?run={succeeded.pk}")).startswith("0")

    def test_dismissed_it_is_seen_and_the_others_stay(self, actors, admin, snapshot, succeeded):  # noqa: F811
        other = queue_run(snapshot, {}, admin)
        cancel_run(other.pk, timezone.now())
        both = {"run": [succeeded.pk, other.pk]}
        assert actors["curator"].post(reverse("run-seen", args=[other.pk]), both).status_code == 200
        assert self.unseen(actors["admin"]) == 2, "nobody dismisses another's"
        answer = text_of(actors["admin"].post(reverse("run-seen", args=[other.pk]), both))
        assert "has succeeded" in answer
        assert "was cancelled" not in answer
        assert self.unseen(actors["admin"]) == 1
        assert "Mark all ended runs as seen" in text_of(actors["admin"].get("/runs/"))
        actors["admin"].post(reverse("runs-seen"))
        assert self.unseen(actors["admin"]) == 0
        assert "Mark all" not in text_of(actors["admin"].get("/runs/"))

    def test_after_a_month_it_is_no_news(self, admin, succeeded):
        now = timezone.now()
        assert notices.standing_of(admin, now).unseen == [succeeded.pk]
        assert notices.standing_of(admin, now + timedelta(days=31)).unseen == []

    def test_it_costs_annotators_no_query_and_others_one(self, actors, run):  # noqa: F811
        for actor, queries in {"annotator": 0, "curator": 1, "admin": 1}.items():
            with CaptureQueriesContext(connection) as asked:
                assert actors[actor].get(reverse("account")).status_code == 200
            assert sum("training_run" in query["sql"] for query in asked) == queries, actor
