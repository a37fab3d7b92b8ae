"""What is done with the faces on the line: embedded, proposed of, compared by one who knows the places."""

import random
import uuid

from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Answer
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import Face
from annotate.training.models import Embedding
from annotate.training.proposals import ask_for_proposal, make_proposal

NOW = timezone.now()
# Candidates of a group.
K = 4


def embed(version, dataset, moved=lambda place: place):
    Embedding.objects.bulk_create(
        Embedding(model_version=version, face=face, vector=[moved(face.known_expression[0]), *[0.0] * 15])
        for face in dataset.faces.order_by("id")
    )


def proposed(campaign, groups=4, share=0.5, seed=0):
    proposal = ask_for_proposal(campaign, groups=groups, random_share=share, seed=seed, by=None, at=NOW)
    make_proposal(proposal.pk, NOW)
    proposal.refresh_from_db()
    return proposal


def answer_all(campaign, wrong=lambda question: False, uncertain=lambda question: False):
    """One annotator answers everything by the places on the line."""
    person = User.objects.create_user(f"a{User.objects.count()}", None, role=Role.ANNOTATOR)
    places = {pk: place for pk, [place] in Face.objects.values_list("pk", "known_expression")}
    rng = random.Random(person.pk)
    while questions := lease(campaign, person, count=8, at=timezone.now(), rng=rng):
        for q in questions:
            left = abs(places[q.left_id] - places[q.anchor_id]) < abs(
                places[q.right_id] - places[q.anchor_id]
            )
            said = Answer.LEFT if left != wrong(q) else Answer.RIGHT
            cast_vote(
                vote_id=uuid.UUID(int=rng.getrandbits(128)), showing_id=q.pk, annotator=person,
                answer=Answer.UNCERTAIN if uncertain(q) else said, response_ms=900, at=timezone.now(),
            )  # fmt: skip
