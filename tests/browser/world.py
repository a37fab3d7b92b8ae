"""Fills a database with what every page has something to show of, for the walk over all pages and the
screenshots, and says which rows the addresses are to name."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta

from django.contrib.auth.tokens import default_token_generator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from annotate.accounts.authentication import create_token
from annotate.accounts.consent import publish, record_consent, save_draft
from annotate.accounts.invitations import invite
from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.first_minutes import begin, note_read
from annotate.campaigns.gold import draw_more
from annotate.campaigns.leases import answer_and_lease, lease
from annotate.campaigns.models import Answer, Campaign, Participation, Purpose
from annotate.curation.erasing import ask_for_erasure, erase
from annotate.curation.scanning import ask_for_scan, scan
from annotate.faces.crops import find_faces
from annotate.faces.imports import claim_import, end_succeeded, queue_folder
from annotate.faces.outcome import Outcome
from annotate.insight.maps import ask_for_map, enter_points
from annotate.insight.models import ExpressionMap, Extent, QueryPicture
from annotate.insight.queries import receive, sent_file, store_faces, store_vectors
from annotate.insight.reports import ask_for_report
from annotate.insight.selections import make_selection
from annotate.training import jobs
from annotate.training.growing import set_up
from annotate.training.models import Decision, ModelVersion, Run, Verdict
from annotate.training.proposals import ask_for_proposal, make_proposal
from annotate.training.runs import queue_run
from annotate.training.significance import in_words, unpaired
from annotate.training.versions import active_version, promote
from tests.browser.made_faces import made_faces
from tests.factories import draw_face, make_dataset, make_face
from tests.insight.reports.sample import figures, make_report
from tests.insight.studies.walked import walked_study
from tests.training.registry import make_version

CONSENT = """## What this is about

You compare photographs of faces. We keep your answers and how long each took; nobody outside the lab sees
who gave them. You may stop at any time, and take this consent back on the page *My consent*.
"""
INSTRUCTIONS = """## Look at the expression alone

- Which of the two wears the *expression* of the face in the middle?
- Age, hair and light do not matter, nor who it is.
- Where you really can not tell, say so: that is an answer too.
"""

Values = dict[str, object]


def furnish(campaign: Campaign, run: Run, *, admin: User, annotator: User) -> Values:
    """Add consent, invitations, a token, first minutes in a campaign of their own, and answers of a person's.

    Returns the values of the addresses' parameters, by the parameter's name or by `<address>.<parameter>`.
    """
    random.seed(1)
    token = _people(admin, annotator)
    _answers(campaign, annotator)
    led = _first_minutes(campaign, annotator)
    ask_for_scan(campaign.dataset, admin, timezone.now())
    scan(campaign.dataset_id)
    _proposal(campaign, run, admin)
    _fine_tuning(campaign, run, admin)
    # Whoever logs in makes such a link worthless.
    forgetful = User.objects.filter(username__startswith="simulated").first() or User.objects.create_user(
        "simulated", "a-forgotten-password"
    )
    return {
        **_campaign(campaign, led, annotator),
        "name": campaign.dataset.name,
        "user_id": annotator.pk,
        "version": 1,
        "which": "brightness",
        "invitation_id": 1,
        "digest": "0" * 64,
        "erasure_id": _erasure(admin),
        "import_id": _import(campaign.dataset.name, admin),
        "snapshot_id": run.snapshot_id,
        "snapshot-file.name": "triplets.csv",
        "run_id": run.pk,
        "run-compare?": f"?run={run.pk}&run={_other_run(run).pk}",
        **_versions(run, admin),
        **_query(admin),
        **_maps(campaign, run, admin),
        **_reports(run),
        **made_faces(run, admin),
        **walked_study(campaign.dataset, run.snapshot, admin, annotator),
        "join.token": token,
        "uidb64": urlsafe_base64_encode(force_bytes(forgetful.pk)),
        "password_reset_confirm.token": default_token_generator.make_token(forgetful),
    }


def _campaign(campaign: Campaign, led: Campaign, annotator: User) -> Values:
    """A campaign with answers; `led` is one with first minutes."""
    group = campaign.groups.order_by("index").first()
    seen = campaign.votes.live().filter(group=group).order_by("created_at").first()
    return {
        "campaign_id": campaign.pk,
        **{f"{page}.campaign_id": led.pk for page in ("instructions", "practice")},
        "qualification.campaign_id": _qualification(campaign, annotator).pk,
        **{f"campaign-{page}.campaign_id": led.pk for page in ("first-minutes", "gold", "gold-pick")},
        "index": group.index,
        "face_id": group.anchor_id,
        "section": "groups",
        "comparison_id": seen.comparison_id,
        "vote_id": seen.pk,
        "annotator_id": seen.annotator_id,
        "purpose": Purpose.PRACTICE.value,
        "gold_id": led.gold.first().pk,
        "erasure-new?": f"?dataset={campaign.dataset.name}&identity={group.anchor.identity}",
    }


def _maps(campaign: Campaign, run: Run, admin: User) -> Values:
    """Two, to stand beside each other, and a selection that was marked on one."""
    now, dataset = timezone.now(), campaign.dataset
    faces = list(dataset.faces.order_by("pk").values_list("pk", flat=True))
    figures = {
        "n": len(faces), "of": len(faces), "trustworthiness": 0.941, "continuity": 0.952,
        "neighbours_measured": 15, "measured_on": len(faces),
    }  # fmt: skip
    made = []
    for method in ("tsne", "umap"):
        settings = {"method": method, "perplexity": 30.0, "neighbours": 15, "seed": 0}
        asked = ask_for_map(run.model_version, [dataset], admin, now, **settings)
        rng = random.Random(method)
        enter_points(asked, [(face, rng.gauss(0, 9), rng.gauss(0, 6)) for face in faces], figures, "")
        jobs.end(jobs.claim(ExpressionMap, asked.pk, "worker:1", now), now)
        made.append(asked)
    selection = make_selection(faces[:9], name="a corner of it", on=made[0], by=admin, at=now)
    return {
        "map_id": made[0].pk, "map-detail?": f"?beside={made[1].pk}", "selection_id": selection.pk,
        "dataset-wall?": f"?selection={selection.pk}",
    }  # fmt: skip


def _versions(run: Run, admin: User) -> Values:
    """The run's own, which is the active one, and one fine-tuned from it that was it before."""
    child = make_version(run.snapshot, parent=run.model_version, accuracy=0.81)
    for version, reason in ((child, "better by six points"), (run.model_version, "it errs less on smiles")):
        promote(version, admin, reason, timezone.now())
    return {"version_id": run.model_version.pk, "version-promote.version_id": child.pk}


def _query(admin: User) -> Values:
    """A photograph that she sent, in which a worker has found a face."""
    now = timezone.now()
    picture = receive(SimpleUploadedFile("me.jpg", draw_face(0.6, 180)), admin, now, is_prealigned=True)
    store_faces(picture, find_faces(sent_file(picture), is_prealigned=True))
    sent_file(picture).unlink()
    QueryPicture.objects.filter(pk=picture.pk).update(worker="worker:1", ended_at=now)
    # As a worker does by the active version.
    store_vectors(picture.faces.all(), active_version(), [[0.25] * 16], now)
    pages = ("query-detail", "query-crop", "query-delete", "query-embed", "api-query", "api-query-neighbours")
    return {"place": 0, **{f"{page}.token": picture.token for page in pages}}


def _reports(run: Run) -> Values:
    """Two of the run's versions beside each other, and one that waits."""
    dataset, (version, other) = run.snapshot.dataset, ModelVersion.objects.order_by("pk")[:2]
    make_report(other, dataset, figures(0.55, 0.41), Extent.ALL)
    report = make_report(version, dataset, figures() | {"notes": ["knn: k = 500 is left out"]}, Extent.ALL)
    ask_for_report(other, dataset, Extent.ALL, None, timezone.now())
    return {"report_id": report.pk}


def _other_run(run: Run) -> Run:
    """One that is queued, to be compared with, and shown in the list as it waits."""
    return queue_run(run.snapshot, {"order": 2}, run.created_by)


def _fine_tuning(campaign: Campaign, run: Run, admin: User) -> None:
    """Set up, with a run that has given a version which was kept."""
    now = timezone.now()
    values = {"every_triplets": 2_000, "nightly_at": 3, "margin": 0.005, "replay": 0.5}
    fine_tuning = set_up(campaign, admin, now, is_on=True, **values)
    tuned = make_version(run.snapshot, parent=run.model_version, accuracy=0.713).run
    Run.objects.filter(pk=tuned.pk).update(fine_tuning=fine_tuning)
    difference = unpaired(0.713, 0.708, 5_000)
    reason = f"Kept beside {run.model_version}: {in_words(difference, fine_tuning.margin)}"
    Decision.objects.create(
        run=tuned, verdict=Verdict.KEPT, reason=reason, at=now, against=run.model_version,
        accuracy=difference.accuracy, accuracy_against=difference.against,
        standard_error=difference.standard_error,
    )  # fmt: skip


def _import(dataset: str, admin: User) -> int:
    """One from a folder of the server, that has ended."""
    queued = queue_folder("photographs/may", dataset=dataset, split="train", created_by=admin)
    claim = claim_import(queued.pk, "worker:1", timezone.now())
    end_succeeded(claim, Outcome(dataset, faces_added=412, faces_there=18), timezone.now())
    return queued.pk


def _erasure(admin: User) -> int:
    """Of a person in a data set of her own, so that nothing else is altered."""
    dataset = make_dataset("withdrawn")
    for name in ("sea", "garden"):
        make_face(dataset, name, identity="p1")
    asked = ask_for_erasure(
        dataset=dataset, identity="p1", reason="Withdrew her consent, letter of 3 May", admin=admin,
        at=timezone.now(),
    )  # fmt: skip
    erase(asked.pk, wait=lambda seconds: None)
    return asked.pk


def _proposal(campaign: Campaign, run: Run, admin: User) -> None:
    """Groups that the run's version adds, being active: one of them at random."""
    now = timezone.now()
    if active_version() is None:
        promote(run.model_version, admin, "The first one", now)
    asked = ask_for_proposal(campaign, groups=2, random_share=0.5, seed=1, by=admin, at=now)
    make_proposal(asked.pk, now)


def _people(admin: User, annotator: User) -> str:
    now = timezone.now()
    text = publish(save_draft(CONSENT, "").pk, by=admin, at=now)
    for user in User.objects.all():
        record_consent(user, text.pk, "en", now)
    save_draft(CONSENT + "\nPictures are deleted after ten years.\n", "")
    create_token(admin, "nightly export", timedelta(days=90))
    create_token(annotator, "my own script", timedelta(days=30))
    invitation = {"note": "Psychology, second year", "uses": 20, "lasts": timedelta(days=14), "at": now}
    _, token = invite(admin, role=Role.ANNOTATOR, **invitation)
    return token


def _answers(campaign: Campaign, annotator: User) -> None:
    """Some of her own, the first of them uncertain."""
    rng, now = random.Random(2), timezone.now()
    for place in range(12):
        for question in lease(campaign, annotator, count=1, at=now, rng=rng):
            answer_and_lease(
                vote_id=uuid.UUID(int=rng.getrandbits(128), version=4), showing_id=question.pk,
                annotator=annotator, answer=Answer.LEFT if place else Answer.UNCERTAIN,
                response_ms=1200 + 100 * place, more=0, at=now, rng=rng,
            )  # fmt: skip


def _qualification(campaign: Campaign, annotator: User) -> Campaign:
    """A third one, whose qualification she has begun."""
    tested = create_campaign(
        name="With a qualification", dataset=campaign.dataset, groups=1, k=4, repetitions=1, seed=8,
        qualification_count=2, qualification_threshold=1,
    ).campaign  # fmt: skip
    draw_more(tested, 2, Purpose.QUALIFICATION)
    note_read(tested, annotator, timezone.now())
    begin(tested, annotator, Purpose.QUALIFICATION, at=timezone.now(), rng=random.Random(4))
    return tested


def _first_minutes(campaign: Campaign, annotator: User) -> Campaign:
    """Another campaign, whose practice she has begun, and in which somebody waits to be let in."""
    led = create_campaign(
        name="With first minutes", dataset=campaign.dataset, groups=1, k=4, repetitions=1, seed=7,
        instructions=INSTRUCTIONS, practice_count=2, qualification_count=2, qualification_threshold=2,
    ).campaign  # fmt: skip
    for purpose, count in ((Purpose.EXAMPLE, 2), (Purpose.PRACTICE, 3), (Purpose.QUALIFICATION, 3)):
        draw_more(led, count, purpose)
    note_read(led, annotator, timezone.now())
    begin(led, annotator, Purpose.PRACTICE, at=timezone.now(), rng=random.Random(3))
    someone = User.objects.exclude(pk=annotator.pk).filter(role=Role.ANNOTATOR).first()
    if someone:
        Participation.objects.create(
            campaign=led, annotator=someone, read_at=timezone.now(), practised_at=timezone.now(), attempts=3
        )
    return led
