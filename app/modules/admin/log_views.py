"""What an administrator looks after: the change log and the jobs."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from app.core.access import can, require
from app.core.i18n import _, _n
from app.core.web import redirect_to, render, toast
from app.modules.admin import jobs_page as jobs
from app.modules.admin.changes import Log
from app.modules.admin.views import blueprint


@blueprint.get("/changes")
@require("admin.changes.view")
def changes_page() -> Any:
    """Who changed what, when, from what to what."""
    log = Log(request.args)
    lines, following = log.page()
    return render(
        "admin/changes.html",
        "admin/_changes.html",
        lines=lines,
        filters=log.filters(),
        next_url=log.url(before=following) if following else None,
        first_url=log.url() if request.args.get("before") else None,
        clear_url=url_for("admin.changes_page"),
        record_url=lambda line: log.url(kind=line["kind"].key, record=line["row_id"], field=None),
    )


@blueprint.get("/jobs")
@require("admin.jobs.view")
def jobs_page() -> Any:
    """The jobs of one state; the failed ones unless another is chosen."""
    state = request.args.get("state", "")
    state = state if state in jobs.STATES else jobs.DEAD
    rows, following = jobs.page(state, request.args.get("before", ""))
    return render(
        "admin/jobs.html",
        state=state,
        tabs=jobs.tabs(state),
        rows=rows,
        worker=jobs.worker(),
        editable=can("admin.jobs.edit"),
        next_url=url_for("admin.jobs_page", state=state, before=following) if following else None,
    )


@blueprint.post("/jobs/retry")
@require("admin.jobs.edit")
def jobs_retry() -> Any:
    """Try a failed job again, or all of them."""
    given = request.form.get("job", "")
    tried = jobs.retry(None if given == "all" else given)
    toast(_n("%(num)d job is tried again.", "%(num)d jobs are tried again.", tried))
    return redirect_to(url_for("admin.jobs_page"))


@blueprint.get("/jobs/discard")
@require("admin.jobs.edit")
def jobs_ask() -> Any:
    """Ask before a failed job is let go."""
    if "job" not in request.args:
        return redirect_to(url_for("admin.jobs_page"))
    return render("admin/job_discard.html", "admin/_job_discard.html", job=jobs.one(request.args["job"]))


@blueprint.post("/jobs/discard")
@require("admin.jobs.edit")
def jobs_discard() -> Any:
    """Let a failed job go."""
    jobs.discard(request.form.get("job", ""))
    toast(_("The job is discarded."))
    return redirect_to(url_for("admin.jobs_page"))
