"""The endpoints that a study's page calls. Each parses, calls one service, and answers. Nothing that they say
tells which model version found what."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

from django.http import Http404
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
from annotate.campaigns.models import Answer
from annotate.insight.models import Participant, Study, StudyVote
from annotate.insight.studies import arrive
from annotate.insight.study_voting import (
    Progress,
    Shown,
    StudyVoteRefused,
    cast_study_vote,
    next_showings,
    progress_of,
    undo_study_vote,
)

# Which list is shown on which side must not be guessable from anything that repeats.
RANDOM = random.SystemRandom()
MOST_AT_ONCE = 50
# Nobody else waits for what is put to her; so long the page may show it without asking again.
LEASE_SECONDS = 3600
LONGEST_RESPONSE_MS = 24 * 60 * 60 * 1000


class ShowingsRequest(serializers.Serializer):
    count = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=3)


class ShownPicture(serializers.Serializer):
    src = serializers.CharField()


class ShownLists(serializers.Serializer):
    id = serializers.IntegerField(help_text="What your vote names as its showing")
    query = ShownPicture()
    left = ShownPicture(many=True, help_text="The nearest first; above, where the lists are rows")
    right = ShownPicture(many=True)


class StudyProgress(serializers.Serializer):
    decided = serializers.IntegerField(help_text="Those that you have answered")
    total = serializers.IntegerField(help_text="All that you are asked")
    mine = serializers.IntegerField(help_text="The same as `decided`")


class ShowingsAnswer(serializers.Serializer):
    state = serializers.ChoiceField(choices=["open", "finished", "closed"])
    comparisons = ShownLists(many=True)
    lease_seconds = serializers.IntegerField(help_text="For how long they may be shown without asking again")
    progress = StudyProgress()


class StudyVoteRequest(serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by you; the same vote sent again counts once")
    showing = serializers.IntegerField(help_text="The id under which the lists were shown to you")
    answer = serializers.ChoiceField(choices=Answer.choices)
    response_ms = serializers.IntegerField(
        min_value=0, max_value=LONGEST_RESPONSE_MS, required=False, allow_null=True,
        help_text="Milliseconds from the pictures' being visible to the answer",
    )  # fmt: skip


class StudyVoteAnswer(serializers.Serializer):
    id = serializers.UUIDField()
    showing = serializers.IntegerField()
    answer = serializers.ChoiceField(choices=Answer.choices)


class StudyUndoAnswer(serializers.Serializer):
    id = serializers.UUIDField(help_text="Of the vote that was taken back")
    progress = StudyProgress()


class StudyRefusal(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


NO_CONSENT = OpenApiResponse(StudyRefusal, "`consent`: the consent text has to be accepted first")
NOT_HERS = OpenApiResponse(description="There is no such study that asks you")


def _shown(showings: Sequence[Shown]) -> list[dict[str, object]]:
    return [
        {
            "id": one.showing,
            "query": _picture(one.query),
            "left": [_picture(face) for face in one.left],
            "right": [_picture(face) for face in one.right],
        }
        for one in showings
    ]


def _picture(face: int) -> dict[str, object]:
    return {"src": reverse("face-crop", args=[face])}


def _progress(progress: Progress) -> dict[str, int]:
    return {"decided": progress.answered, "total": progress.total, "mine": progress.answered}


def _refused(refusal: StudyVoteRefused) -> Response:
    return Response({"code": refusal.code, "detail": str(refusal)}, status.HTTP_409_CONFLICT)


class Showings(APIView):
    @extend_schema(request=ShowingsRequest, responses={200: ShowingsAnswer, 403: NO_CONSENT, 404: NOT_HERS})
    def post(self, request: Request, study_id: int) -> Response:
        """What to compare next, in your own order: two lists of faces that were found for a query."""
        if consent_is_missing(request.user):
            detail = _("Before you go on, please read and accept the consent text.")
            return Response({"code": "consent", "detail": detail}, status.HTTP_403_FORBIDDEN)
        asked = ShowingsRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        study = get_object_or_404(Study, pk=study_id)
        hers = arrive(study, request.user, timezone.now(), RANDOM)
        if hers is None:
            # Whoever was asked before is told that it is over.
            hers = get_object_or_404(Participant, study=study, user=request.user, may_answer=True)
            return self._answer("closed", [], hers)
        showings = next_showings(hers, asked.validated_data["count"])
        return self._answer("open" if showings else "finished", showings, hers)

    def _answer(self, state: str, showings: Sequence[Shown], hers: Participant) -> Response:
        return Response({
            "state": state, "comparisons": _shown(showings), "lease_seconds": LEASE_SECONDS,
            "progress": _progress(progress_of(hers)),
        })  # fmt: skip


class StudyVotes(APIView):
    @extend_schema(
        request=StudyVoteRequest,
        responses={
            201: StudyVoteAnswer,
            200: OpenApiResponse(StudyVoteAnswer, "The same vote had come before"),
            409: OpenApiResponse(StudyRefusal, "The vote was not stored, and why"),
        },
    )
    def post(self, request: Request) -> Response:
        """Store one vote. When this answers 200 or 201, it is on disk."""
        asked = StudyVoteRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        try:
            vote, is_new = cast_study_vote(
                vote_id=given["id"], showing_id=given["showing"], user=request.user, answer=given["answer"],
                response_ms=given.get("response_ms"), at=timezone.now(),
            )  # fmt: skip
        except StudyVoteRefused as refusal:
            return _refused(refusal)
        answer = {"id": vote.pk, "showing": vote.showing_id, "answer": vote.answer}
        return Response(answer, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class StudyProgressOf(APIView):
    @extend_schema(responses={200: StudyProgress, 404: NOT_HERS})
    def get(self, request: Request, study_id: int) -> Response:
        """How far you have come."""
        hers = Participant.objects.filter(study=study_id, user=request.user).first()
        if hers is None:
            raise Http404
        return Response(_progress(progress_of(hers)))


class StudyUndo(APIView):
    @extend_schema(
        request=None,
        responses={
            200: StudyUndoAnswer,
            404: OpenApiResponse(description="You gave no such vote"),
            409: OpenApiResponse(StudyRefusal, "The vote stands, and why"),
        },
    )
    def post(self, request: Request, vote_id: UUID) -> Response:
        """Take back your last vote; its lists are the next that you are shown. May be repeated."""
        try:
            vote = undo_study_vote(vote_id, user=request.user, at=timezone.now())
        except StudyVote.DoesNotExist:
            return Response({"detail": "You gave no such vote."}, status.HTTP_404_NOT_FOUND)
        except StudyVoteRefused as refusal:
            return _refused(refusal)
        return Response({"id": vote.pk, "progress": _progress(progress_of(vote.showing.participant))})
