"""The page of one import: its state decides what it shows. Everything else posts and comes back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, request, stream_with_context, url_for

from app.core import lookups
from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import Refusal
from app.core.formats import number
from app.core.hx import is_htmx
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.importing import runs
from app.core.importing.models import (
    BUSY,
    CANCELLED,
    CHECKED,
    CHECKING,
    DONE,
    FAILED,
    REVERTED,
    UPLOADED,
    ImportBatch,
)
from app.core.resource import Resource
from app.core.surfaces import import_columns, import_draft, import_outcome, import_review
from app.core.surfaces.import_file import STATES, steps
from app.core.web import as_attachment, redirect_to, render, toast

CHANGEABLE = (UPLOADED, CHECKED, FAILED, CANCELLED)  # nothing is in yet: columns may be chosen again
RUNNING = {
    "checking": (_l("The file is being checked"), _l("Stop checking")),
    "publishing": (_l("The rows are being imported"), _l("Stop the import")),
    "reverting": (_l("The import is being reverted"), _l("Stop reverting")),
}
STEP_OF = {"uploaded": 1, "checking": 2, "checked": 2, "failed": 2, "cancelled": 2}


def batch_page(resource: Resource, batch_id: str) -> Any:
    """The import as it stands; polling gets 304 while nothing has changed."""
    batch = fetch(resource, batch_id)
    if batch.state in BUSY and is_htmx() and request.headers.get("HX-PTag") == _tag(batch):
        return Response(status=304)
    if batch.state in BUSY:
        return show(resource, batch, "running", running=_running(batch))
    if batch.state == UPLOADED or (batch.state in CHANGEABLE and request.args.get("step") == "columns"):
        return _columns(resource, batch)
    if batch.state == CHECKED:
        return show(resource, batch, "review", review=import_review.context(resource, batch))
    if batch.state in (FAILED, CANCELLED):
        return show(resource, batch, "ended", ended=import_outcome.ended(batch))
    return show(resource, batch, "done", done=import_outcome.done(resource, batch))


def mapping(resource: Resource, batch_id: str) -> Any:
    """Keep what the form of the columns says; then check the rows, or save, use or forget a mapping."""
    batch = fetch(resource, batch_id)
    act = request.form.get("do", "keep")
    if act in ("use", "forget"):
        return _guarded(resource, batch_id, lambda: import_columns.use(resource, batch), step="columns")
    try:
        draft, preview = import_columns.keep(resource, batch)
        if not draft.errors and act == "check":
            runs.start_check(batch)
            return _page(resource, batch_id)
        if not draft.errors and act == "save" and import_columns.save_as(batch, draft):
            return _page(resource, batch_id, step="columns")
    except Refusal as error:
        return _refused(resource, batch_id, error)
    status = 422 if draft.errors else 200
    batch = fetch(resource, batch_id)  # saved or undone: what is held may be stale
    return show(resource, batch, "columns", status=status, columns=import_columns.context(resource, draft, preview))


def check(resource: Resource, batch_id: str) -> Any:
    """Check the rows once more."""
    return _act(resource, batch_id, runs.start_check)


def decide(resource: Resource, batch_id: str) -> Any:
    """What is meant by names that are not there; the rows are then checked again."""
    return _act(resource, batch_id, lambda batch: import_review.decide(resource, batch))


def publish(resource: Resource, batch_id: str) -> Any:
    """Import what was checked."""
    skip = bool(request.form.get("skip_errors"))
    return _act(resource, batch_id, lambda batch: runs.start_publish(batch, skip_errors=skip))


def cancel(resource: Resource, batch_id: str) -> Any:
    """Stop what runs, or give up an import that has not been published."""
    return _act(resource, batch_id, runs.cancel)


def revert(resource: Resource, batch_id: str) -> Any:
    """Say what taking the import back would do, or start it."""
    batch = fetch(resource, batch_id)
    if request.method == "POST":
        edited = request.form.get("edited") == "revert"
        return _act(resource, batch_id, lambda it: runs.start_revert(it, include_edited=edited))
    if batch.state not in (DONE, REVERTED):
        return _page(resource, batch_id)
    return show(resource, batch, "revert", revert=import_outcome.reverting(batch))


def error_file(resource: Resource, batch_id: str) -> Any:
    """The rows with errors as a file of the same kind, with the reasons in a column of their own."""
    batch = fetch(resource, batch_id)
    try:
        name, kind, pieces = runs.error_file(batch)
    except Refusal as error:
        return _refused(resource, batch_id, error)
    return as_attachment(Response(stream_with_context(pieces), content_type=kind), name)


def fetch(resource: Resource, batch_id: str) -> ImportBatch:
    """The import with an id, for whoever may see it. Raises `NotFound`."""
    number = whole(batch_id)
    return runs.batch(resource, number) if number is not None else abort(404)


def show(resource: Resource, batch: ImportBatch, panel: str, *, status: int = 200, **parts: Any) -> Any:
    """The page of an import with one panel."""
    other = batch.member_id is not None and batch.member_id != actor_id()
    who = lookups.labels(lookups.MEMBER, [batch.member_id]).get(batch.member_id or 0, "") if other else ""
    response = render(
        "core/import_batch.html",
        "core/_import_batch.html",
        status=status,
        resource=resource,
        batch={"file_name": batch.file_name, "state": batch.state, "rows": batch.rows, "who": who},
        panel=panel,
        steps=_steps(resource, batch, panel),
        status_text=_status(batch),
        urls=_urls(resource, batch),
        **parts,
    )
    if batch.state in BUSY:
        response.headers["HX-PTag"] = _tag(batch)
    return response


def _columns(resource: Resource, batch: ImportBatch) -> Any:
    draft, preview = import_draft.of_plan(resource, batch.plan), runs.preview(batch)
    if batch.state == FAILED and batch.error:
        draft.errors[""] = batch.error
    return show(resource, batch, "columns", columns=import_columns.context(resource, draft, preview))


def _act(resource: Resource, batch_id: str, act: Callable[[ImportBatch], Any]) -> Any:
    """Do something to an import and come back to its page, with a word when it cannot be done now."""
    batch = fetch(resource, batch_id)

    def done() -> Any:
        act(batch)
        return _page(resource, batch_id)

    return _guarded(resource, batch_id, done)


def _guarded(resource: Resource, batch_id: str, act: Callable[[], Any], **args: str) -> Any:
    try:
        return act()
    except Refusal as error:
        return _refused(resource, batch_id, error, **args)


def _refused(resource: Resource, batch_id: str, error: Refusal, **args: str) -> Any:
    db.session.rollback()
    toast(error.message, "bad")
    return _page(resource, batch_id, **args)


def _page(resource: Resource, batch_id: str, **args: Any) -> Any:
    return redirect_to(url_for(resource.endpoint("import_batch"), batch_id=batch_id, **args))


def _urls(resource: Resource, batch: ImportBatch) -> dict[str, str]:
    page = url_for(resource.endpoint("import_batch"), batch_id=batch.id)
    below = ("mapping", "check", "decide", "publish", "cancel", "revert", "errors")
    return {
        "list": url_for(resource.endpoint("list"), view=_all_rows(resource)),
        "upload": url_for(resource.endpoint("import")),
        "page": page,
        "columns": f"{page}?step=columns",
        **{name: f"{page}/{name}" for name in below},
    }


def _all_rows(resource: Resource) -> str | None:
    """The view that leaves no row out; none where the bare address shows it, or there are no views."""
    whole_views = [view.name for view in resource.views if not view.args]
    return whole_views[0] if whole_views and resource.views[0].args else None


def _steps(resource: Resource, batch: ImportBatch, panel: str) -> list[dict[str, Any]]:
    now = 1 if panel == "columns" else STEP_OF.get(batch.state, 3)
    page = url_for(resource.endpoint("import_batch"), batch_id=batch.id)
    back = f"{page}?step=columns" if batch.state in CHANGEABLE else None
    forth = page if batch.state == CHECKED else None
    over = batch.state in (DONE, REVERTED)
    return steps(now, over=over, urls=(url_for(resource.endpoint("import")), back, forth))


def _running(batch: ImportBatch) -> dict[str, Any]:
    title, cancel_label = RUNNING[batch.state]
    return {
        "title": title,
        "text": _far(batch),
        "done": min(batch.done, batch.rows),
        "rows": batch.rows if batch.done else 0,
        "tag": _tag(batch),
        "may_cancel": _may_cancel(batch),
        "stopping": batch.cancel,
        "cancel_label": cancel_label,
    }


def _may_cancel(batch: ImportBatch) -> bool:
    """SQLite has one writer: once that is the import, nobody can tell it to stop."""
    return batch.state == CHECKING or not batch.tries or db.engine.dialect.name != "sqlite"


def _far(batch: ImportBatch) -> str:
    if not batch.done:
        return _("Under way …") if batch.tries else _("Waiting for its turn …")
    return _("%(done)s of %(all)s rows", done=number(min(batch.done, batch.rows)), all=number(batch.rows))


def _tag(batch: ImportBatch) -> str:
    return f"{batch.state}-{batch.done}-{batch.rows}-{batch.tries}-{int(batch.cancel)}"


def _status(batch: ImportBatch) -> str:
    """What a screen reader is told: the state, and of a job every quarter."""
    label = str(STATES[batch.state][0])
    if batch.state not in BUSY or not batch.rows:
        return label
    quarter = batch.done * 4 // batch.rows * 25
    return _("%(state)s: %(percent)s %%", state=label, percent=min(quarter, 100))

