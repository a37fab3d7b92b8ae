"""The pages on which admins launch runs, again too, stop them, and let ended ones go on."""

from __future__ import annotations

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
from annotate.training.models import Run, RunState, Snapshot
from annotate.training.run_config import BadSetting
from annotate.training.run_forms import RunForm, again
from annotate.training.runs import CannotResume, cancel_run, check_launch, queue_run, resume_run
from annotate.training.shared_folders import BadSnapshot
from annotate.training.tasks import make_snapshot, train_run


@admin_required
def run_create(request: HttpRequest) -> HttpResponse:
    """The form of a new run, then its forecast to confirm. ?snapshot=ID chooses a snapshot beforehand,
    ?again=ID all that another run had."""
    form = RunForm(request.POST or None, initial=_initial(request))
    if request.method == "POST" and "change" not in request.POST and form.is_valid():
        if "confirmed" in request.POST:
            run = _launched(request, form)
            if run is not None:
                return redirect("run-detail", run.pk)
        elif _is_fit(form) and (told := _told(form)):
            context = {"form": form, **_in_words(told)}
            return render(request, "training/run_confirm.html", context)
    context = {"form": form, "has_data": Snapshot.objects.exists() or Dataset.objects.exists()}
    return render(request, "training/run_create.html", context)


@require_safe
@admin_required
def run_forecast(request: HttpRequest) -> HttpResponse:
    """What the run will take whose settings are being filled in."""
    form = RunForm(request.GET)
    told = _told(form) if form.is_valid() else None
    context = {"form": form} | (_in_words(told) if told else {})
    return render(request, "training/_forecast.html", context)


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


def _initial(request: HttpRequest) -> dict[str, object]:
    key = request.GET.get("again", "")
    if key:
        if not key.isdecimal():
            raise BadRequest("again is no run's number")
        return again(get_object_or_404(Run.objects.defer("events"), pk=key))
    return {"source": f"snapshot:{request.GET.get('snapshot')}"} if "snapshot" in request.GET else {}


def _is_fit(form: RunForm) -> bool:
    """Looked at as closely as when it is queued, so that nobody confirms what is refused then."""
    try:
        check_launch(form.cleaned_data["of"], form.cleaned_data["config"], form.parent)
    except BadSnapshot as error:
        form.add_error("source", str(error))
    except BadSetting as error:
        form.refuse(error)
    return form.is_valid()


def _told(form: RunForm) -> Forecast | None:
    """The forecast of a valid form; None where there can be no such run: its field says why."""
    try:
        return forecast(form.cleaned_data["of"], form.cleaned_data["config"], form.parent)
    except BadSnapshot as error:
        form.add_error("source", str(error))
    except BadSetting as error:
        form.refuse(error)
    return None


def _in_words(told: Forecast) -> dict[str, object]:
    return {"forecast": told, "takes": "" if told.seconds is None else reports.duration(told.seconds)}


def _launched(request: HttpRequest, form: RunForm) -> Run | None:
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
