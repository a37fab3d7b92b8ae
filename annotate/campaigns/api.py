"""The endpoints that the compare page calls. Each parses, calls one service, and answers."""

from __future__ import annotations

import random
from functools import lru_cache
from uuid import UUID

from django.core.cache import cache
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.accounts.consent import consent_is_missing
from annotate.campaigns.first_minutes import may_compare
from annotate.campaigns.leases import LEASE, MOST_AT_ONCE, answer_and_lease, lease
from annotate.campaigns.models import Answer, Campaign, Flag, Question, Vote
from annotate.campaigns.retraction import UndoRefused, undo
from annotate.campaigns.voting import VoteRefused

# Which side a face is shown on must not be guessable from anything that repeats.
RANDOM = random.SystemRandom()
# A campaign of more comparisons is counted anew only so often.
COUNTED_AT_ONCE = 5_000
PROGRESS_SECONDS = 10
LEASE_SECONDS = int(LEASE.total_seconds())
LEASE_HELP = "For how long new ones are yours; those that you hold are for at least 20 seconds less"
NOT_QUALIFIED = {
    "code": "not-qualified",
    "detail": "This campaign asks for a qualification first. Open its page in a browser to begin.",
}
LONGEST_RESPONSE_MS = 24 * 60 * 60 * 1000


class LeaseRequest(serializers.Serializer):
    count = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=3)


class ShownFace(serializers.Serializer):
    face = serializers.IntegerField()
    src = serializers.CharField()


class ProgressSerializer(serializers.Serializer):
    decided = serializers.IntegerField(help_text="Decided comparisons of the campaign")
    total = serializers.IntegerField(help_text="All comparisons that its brackets will have")
    mine = serializers.IntegerField(help_text="Your own votes in it")


class ShownComparison(serializers.Serializer):
    id = serializers.IntegerField(help_text="What your vote names as its showing")
    anchor = ShownFace()
    left = ShownFace()
    right = ShownFace()


def shown(questions: list[Question]) -> list[dict[str, object]]:
    """Each as a ShownComparison; written out, since every answer waits for it."""
    return [
        {
            "id": question.pk,
            "anchor": _face(question.anchor_id),
            "left": _face(question.left_id),
            "right": _face(question.right_id),
        }
        for question in questions
    ]


def _face(face: int) -> dict[str, object]:
    return {"face": face, "src": _crop_address().format(face)}


@lru_cache(maxsize=1)
def _crop_address() -> str:
    return reverse("face-crop", args=[0]).replace("/0/", "/{}/")


class LeaseAnswer(serializers.Serializer):
    state = serializers.ChoiceField(choices=["open", "waiting", "finished", "paused"])
    comparisons = ShownComparison(many=True)
    lease_seconds = serializers.IntegerField(help_text=LEASE_HELP)
    progress = ProgressSerializer()


class VoteRequest(serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by you; the same vote sent again counts once")
    showing = serializers.IntegerField(help_text="The id under which the comparison was shown to you")
    answer = serializers.ChoiceField(choices=Answer.choices)
    response_ms = serializers.IntegerField(
        min_value=0, max_value=LONGEST_RESPONSE_MS, required=False, allow_null=True,
        help_text="Milliseconds from the pictures' being visible to the answer",
    )  # fmt: skip
    more = serializers.IntegerField(
        min_value=0, max_value=MOST_AT_ONCE, default=0,
        help_text="How many comparisons you want beside those that you hold already",
    )  # fmt: skip
    flag = serializers.ChoiceField(
        choices=Flag.choices, required=False, allow_null=True,
        help_text="Why you can not answer; the answer is uncertain then, and others are asked",
    )  # fmt: skip
    flagged_face = serializers.IntegerField(
        required=False, allow_null=True, help_text="Which of the three faces the flag is about"
    )

    def validate(self, given: dict) -> dict:
        flag, face = given.get("flag"), given.get("flagged_face")
        if (flag is None) != (face is None):
            raise serializers.ValidationError("A flag needs a flagged face, and a flagged face a flag.")
        if flag is not None and given["answer"] != Answer.UNCERTAIN:
            raise serializers.ValidationError("With a flag, the answer is uncertain.")
        return given


# A serializer of its own for each vote would take longer than all of its checks.
VOTE = VoteRequest()


class VoteAnswer(serializers.Serializer):
    id = serializers.UUIDField()
    showing = serializers.IntegerField()
    answer = serializers.ChoiceField(choices=Answer.choices)
    in_time = serializers.BooleanField(
        help_text="False where an answer found the comparison closed: it is evidence, and decides nothing"
    )
    comparisons = ShownComparison(
        many=True, help_text="Those that you asked for; none where the same vote had come before"
    )
    lease_seconds = serializers.IntegerField(help_text=LEASE_HELP)


class UndoAnswer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Of the vote that was taken back")
    progress = ProgressSerializer()


class RefusalSerializer(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


def progress_of(campaign_id: int, request: Request) -> dict[str, int]:
    """How far the campaign has come; in a large one, where counting takes time, as of a little while ago."""
    mine = Vote.objects.live().filter(campaign=campaign_id, annotator=request.user).count()
    whole = cache.get(f"progress:{campaign_id}")
    if whole is None:
        campaign = Campaign.objects.with_progress().get(pk=campaign_id)
        whole = {"decided": campaign.decided, "total": campaign.total}
        if campaign.total > COUNTED_AT_ONCE:
            cache.set(f"progress:{campaign_id}", whole, timeout=PROGRESS_SECONDS)
    return whole | {"mine": mine}


class Leases(APIView):
    @extend_schema(
        request=LeaseRequest,
        responses={
            200: LeaseAnswer,
            403: OpenApiResponse(
                RefusalSerializer,
                "`consent` or `not-qualified`: what has to be done first",
            ),
        },
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        """Comparisons to answer: those you hold already, then new ones, each held for two minutes."""
        if consent_is_missing(request.user):
            detail = _("Before you go on, please read and accept the consent text.")
            return Response({"code": "consent", "detail": detail}, status.HTTP_403_FORBIDDEN)
        campaign = get_object_or_404(Campaign, pk=campaign_id)
        asked = LeaseRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        if not may_compare(campaign, request.user):
            return Response(NOT_QUALIFIED, status.HTTP_403_FORBIDDEN)
        questions = lease(
            campaign, request.user, count=asked.validated_data["count"], at=timezone.now(), rng=RANDOM
        )
        progress = progress_of(campaign.pk, request)
        answer = {
            "state": _state(campaign, questions, progress),
            "comparisons": shown(questions),
            "lease_seconds": LEASE_SECONDS,
            "progress": progress,
        }
        return Response(answer)


def _state(campaign: Campaign, questions: list[Question], progress: dict[str, int]) -> str:
    if not campaign.is_active:
        return "paused"
    if questions:
        return "open"
    return "finished" if progress["decided"] == progress["total"] else "waiting"


class Votes(APIView):
    @extend_schema(
        request=VoteRequest,
        responses={
            201: VoteAnswer,
            200: OpenApiResponse(VoteAnswer, "The same vote had come before"),
            409: OpenApiResponse(RefusalSerializer, "The vote was not stored, and why"),
        },
    )
    def post(self, request: Request) -> Response:
        """Store one vote, and get what to compare next. When this answers 200 or 201, the vote is on disk."""
        given = VOTE.run_validation(request.data)
        try:
            cast, questions = answer_and_lease(
                vote_id=given["id"], showing_id=given["showing"], annotator=request.user,
                answer=given["answer"], response_ms=given.get("response_ms"), more=given["more"],
                at=timezone.now(), rng=RANDOM, flag=given.get("flag"),
                flagged_face=given.get("flagged_face"),
            )  # fmt: skip
        except VoteRefused as refusal:
            return Response({"code": refusal.code, "detail": str(refusal)}, status.HTTP_409_CONFLICT)
        answer = {
            "id": cast.vote.pk,
            "showing": given["showing"],
            "answer": cast.vote.answer,
            "in_time": cast.vote.counts or cast.vote.gold_id is not None or cast.vote.flag is not None,
            "comparisons": shown(questions),
            "lease_seconds": LEASE_SECONDS,
        }
        return Response(answer, status.HTTP_201_CREATED if cast.is_new else status.HTTP_200_OK)


class ProgressOf(APIView):
    @extend_schema(responses=ProgressSerializer)
    def get(self, request: Request, campaign_id: int) -> Response:
        """How far the campaign and you have come."""
        campaign = get_object_or_404(Campaign, pk=campaign_id)
        return Response(progress_of(campaign.pk, request))


class Undo(APIView):
    @extend_schema(
        request=None,
        responses={
            200: UndoAnswer,
            404: OpenApiResponse(description="You gave no such vote"),
            409: OpenApiResponse(RefusalSerializer, "The vote stands, and why"),
        },
    )
    def post(self, request: Request, vote_id: UUID) -> Response:
        """Take back your last vote; its comparison is the next that you are asked. May be repeated."""
        now = timezone.now()
        try:
            vote = undo(vote_id, annotator=request.user, at=now, lease_until=now + LEASE)
        except Vote.DoesNotExist:
            return Response({"detail": "You gave no such vote."}, status.HTTP_404_NOT_FOUND)
        except UndoRefused as refusal:
            return Response({"code": refusal.code, "detail": str(refusal)}, status.HTTP_409_CONFLICT)
        answer = {"id": vote.pk, "progress": progress_of(vote.campaign_id, request)}
        return Response(UndoAnswer(answer).data)
