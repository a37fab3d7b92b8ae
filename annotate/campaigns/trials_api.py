"""The endpoint to which an annotator's practice and qualification send their answers."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.campaigns.api import LONGEST_RESPONSE_MS, RefusalSerializer
from annotate.campaigns.first_minutes import Marked, answer_trial
from annotate.campaigns.models import Answer, Purpose
from annotate.campaigns.voting import VoteRefused


class TrialRequest(serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by you; the same answer sent again counts once")
    trial = serializers.IntegerField(help_text="The id under which the comparison was shown to you")
    answer = serializers.ChoiceField(choices=Answer.choices)
    response_ms = serializers.IntegerField(
        min_value=0, max_value=LONGEST_RESPONSE_MS, required=False, allow_null=True,
        help_text="Milliseconds from the pictures' being visible to the answer",
    )  # fmt: skip


class Feedback(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=["right", "otherwise", "uncertain"])
    nearer = serializers.ChoiceField(choices=["left", "right"], help_text="As others saw it")
    why = serializers.CharField(allow_blank=True)


class TrialAnswer(serializers.Serializer):
    id = serializers.UUIDField()
    trial = serializers.IntegerField()
    left = serializers.IntegerField(
        help_text="How many are still to be answered; at 0 the attempt is finished"
    )
    feedback = Feedback(allow_null=True, help_text="In practice; the qualification gives none")


class Trials(APIView):
    @extend_schema(
        request=TrialRequest,
        responses={
            201: TrialAnswer,
            200: OpenApiResponse(TrialAnswer, "The same answer had come before"),
            409: OpenApiResponse(RefusalSerializer, "The answer was not stored, and why"),
        },
    )
    def post(self, request: Request) -> Response:
        """Store one answer of your practice or qualification. When this answers 200 or 201, it is on disk."""
        asked = TrialRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        try:
            marked = answer_trial(
                answer_id=given["id"], trial_id=given["trial"], annotator=request.user,
                answer=given["answer"], response_ms=given.get("response_ms"), at=timezone.now(),
            )  # fmt: skip
        except VoteRefused as refusal:
            return Response({"code": refusal.code, "detail": str(refusal)}, status.HTTP_409_CONFLICT)
        answer = {
            "id": given["id"],
            "trial": marked.trial.pk,
            "left": marked.left,
            "feedback": _feedback(marked),
        }
        return Response(answer, status.HTTP_201_CREATED if marked.is_new else status.HTTP_200_OK)


def _feedback(marked: Marked) -> dict[str, str] | None:
    trial = marked.trial
    if trial.attempt.purpose != Purpose.PRACTICE:
        return None
    verdict = "right" if marked.is_right else "otherwise"
    if trial.answer == Answer.UNCERTAIN:
        verdict = "uncertain"
    return {"verdict": verdict, "nearer": trial.nearer, "why": trial.gold.why}
