"""The pages on which admins launch runs, again too, stop them, and let ended ones go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import admin_required
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training import reports
from annotate.training.forecast import Forecast, forecast
from annotate.training.freezing import ask_for_snapshot
from annotate.training.launch_forms import LaunchForm
from annotate.training.manipulation_forms import ManipulationForm, manipulation_again
from annotate.training.manipulation_planning import Prospect, prospect
from annotate.training.models import ModelVersion, Run, RunKind, RunState, Snapshot
from annotate.training.run_config import BadSetting
from annotate.training.run_forms import RunForm, again
from annotate.training.runs import CannotResume, cancel_run, check_launch, queue_run, resume_run
from annotate.training.shared_folders import BadSnapshot
from annotate.training.tasks import make_snapshot, train_run


@dataclass(frozen=True)
class Launch:
    """How runs of one kind are asked for: by which form, at which address, shown by which templates."""

    kind: RunKind
    form: type[LaunchForm]
    again: Callable[[Run], dict[str, object]]
    foretell: Callable[[Any, Any, ModelVersion | None], Forecast | Prospect]
    address: str
    page: str
    told: str


EMBEDDING = Launch(
    RunKind.EMBEDDING, RunForm, again, forecast, "run-create", "training/run_create.html",
    "training/_forecast.html",
)  # fmt: skip
MANIPULATION = Launch(
    RunKind.MANIPULATION, ManipulationForm, manipulation_again, prospect, "run-create-manipulation",
    "training/manipulation_create.html", "training/_prospect.html",
)  # fmt: skip


@admin_required
def run_create(request: HttpRequest) -> HttpResponse:
    """The form of a new run, then its forecast to confirm. ?snapshot=ID chooses a snapshot beforehand,
    ?again=ID all that another run had."""
    return _create(request, EMBEDDING)


@admin_required
def run_create_manipulation(request: HttpRequest) -> HttpResponse:
    """As `run_create`, of a run of face manipulation."""
    return _create(request, MANIPULATION)


@require_safe
@admin_required
def run_forecast(request: HttpRequest) -> HttpResponse:
    """What the run will take whose settings are being filled in."""
    return _foretold(request, EMBEDDING)


@require_safe
@admin_required
def run_forecast_manipulation(request: HttpRequest) -> HttpResponse:
    """As `run_forecast`, of a run of face manipulation."""
    return _foretold(request, MANIPULATION)


def _create(request: HttpRequest, launch: Launch) -> HttpResponse:
    form = launch.form(request.POST or None, initial=_initial(request, launch))
    if request.method == "POST" and "change" not in request.POST and form.is_valid():
        if "confirmed" in request.POST:
            run = _launched(request, form)
            if run is not None:
                return redirect("run-detail", run.pk)
        elif _is_fit(form) and (told := _told(form, launch)):
            context = {"form": form, "launch": launch, **_in_words(told)}
            return render(request, "training/run_confirm.html", context)
    has_data = Snapshot.objects.exists() or Dataset.objects.exists()
    context = {"form": form, "has_data": has_data, "has_versions": ModelVersion.objects.exists()}
    return render(request, launch.page, context)


def _foretold(request: HttpRequest, launch: Launch) -> HttpResponse:
    form = launch.form(request.GET)
    told = _told(form, launch) if form.is_valid() else None
    return render(request, launch.told, {"form": form} | (_in_words(told) if told else {}))


@require_safe
@admin_required
def run_network(request: HttpRequest) -> HttpResponse:
    """The part of the form with the network's settings: asked, or shown where they come with a version."""
    form = RunForm(initial={"start": request.GET.get("start")})
    return render(request, "training/_network.html", {"form": form})


@require_POST
@admin_required
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    """Let a cancelled or failed run go on."""
    get_object_or_404(Run, pk=run_id)
    try:
        with transaction.atomic():
            run = resume_run(run_id, timezone.now())
            transaction.on_commit(lambda: _enqueue(run), robust=True)
    except CannotResume as error:
        messages.error(request, f"It can not be resumed. {error}")
    return redirect("run-detail", run_id)


def _initial(request: HttpRequest, launch: Launch) -> dict[str, object]:
    key = request.GET.get("again", "")
    if key:
        if not key.isdecimal():
            raise BadRequest("again is no run's number")
        return launch.again(get_object_or_404(Run.objects.defer("events"), pk=key, kind=launch.kind))
    return {"source": f"snapshot:{request.GET.get('snapshot')}"} if "snapshot" in request.GET else {}


def _is_fit(form: LaunchForm) -> bool:
    """Looked at as closely as when it is queued, so that nobody confirms what is refused then."""
    try:
        check_launch(form.cleaned_data["of"], form.cleaned_data["config"], form.parent)
    except BadSnapshot as error:
        form.add_error("source", str(error))
    except BadSetting as error:
        form.refuse(error)
    return form.is_valid()


def _told(form: LaunchForm, launch: Launch) -> Forecast | Prospect | None:
    """The forecast of a valid form; None where there can be no such run: its field says why."""
    try:
        return launch.foretell(form.cleaned_data["of"], form.cleaned_data["config"], form.parent)
    except BadSnapshot as error:
        form.add_error("source", str(error))
    except BadSetting as error:
        form.refuse(error)
    return None


def _in_words(told: Forecast | Prospect) -> dict[str, object]:
    return {"forecast": told, "takes": "" if told.seconds is None else reports.duration(told.seconds)}


def _launched(request: HttpRequest, form: LaunchForm) -> Run | None:
    """The run that is queued, with its freeze where it waits for one; None where it is refused."""
    source, config = form.cleaned_data["of"], form.cleaned_data["config"]
    try:
        with transaction.atomic():
            if not isinstance(source, Snapshot):
                campaign = source if isinstance(source, Campaign) else None
                dataset = source.dataset if campaign else source
                source = ask_for_snapshot(
                    name=str(form.cleaned_data["of"]), dataset=dataset, campaign=campaign,
                    created_by=request.user,
                )  # fmt: skip
            run = queue_run(source, config, request.user, parent=form.parent)
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: _enqueue(run), robust=True)
    except BadSnapshot as error:
        form.add_error("source", str(error))
    except BadSetting as error:
        form.refuse(error)
    else:
        return run
    return None


def _enqueue(run: Run) -> None:
    if run.snapshot_id:
        train_run.delay(run_id=run.pk)
    elif run.freeze_id:
        make_snapshot.delay(freeze_id=run.freeze_id)


@require_POST
@admin_required
def run_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask for a run to be stopped."""
    get_object_or_404(Run, pk=run_id)
    state = cancel_run(run_id, timezone.now())
    if state in (RunState.FAILED, RunState.SUCCEEDED):
        messages.warning(request, f"There was nothing to cancel any more: the run has {state}.")
    return redirect("run-detail", run_id)
