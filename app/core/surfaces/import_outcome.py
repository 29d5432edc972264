"""The last step of an import: what came of it, and what taking it back would do."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.core.access import can
from app.core.formats import moment, number
from app.core.i18n import _, _n
from app.core.importing import runs
from app.core.importing.models import FAILED, REVERTED, ImportBatch
from app.core.importing.report import Report
from app.core.registry import registry
from app.core.resource import Resource
from app.core.surfaces import import_review

MOST_LISTED = 50


def done(resource: Resource, batch: ImportBatch) -> dict[str, Any]:
    """What was imported, or that it was taken back."""
    report = Report.read(batch.report)
    common = {"list_label": _("Show %(label)s", label=str(resource.label_plural).lower()), "error": batch.error}
    if batch.state == REVERTED:
        return {**common, **_reverted(runs.RevertPlan(**batch.report.get("reverted", {})))}
    return {
        **common,
        "title": _title(report),
        "text": _("Finished %(when)s.", when=moment(batch.touched_at)),
        "kind": "ok",
        "icon": "circle-check",
        "report": report,
        "bad": max(report.rows - report.ok, 0),
        "sentences": [_("Created in passing: %(what)s", what=text) for text in import_review.made(report)],
        "warnings": import_review.warnings(report),
        "revert_label": _("Revert this import"),
    }


def ended(batch: ImportBatch) -> dict[str, Any]:
    """Why an import stopped, and what may be done next."""
    if batch.state == FAILED:
        text = batch.error or _("Something went wrong on our side. We have a record of the error.")
        return {"title": _("The import has failed"), "text": text, "kind": "bad", "icon": "alert-circle",
                "next": _("Nothing was imported. Look at the columns and check the file again, or upload another one.")}
    return {"title": _("The import was cancelled"), "text": _("Nothing was imported."), "kind": "quiet", "icon": "ban",
            "next": _("The file is still here: go on with its columns, or upload another one.")}


def reverting(batch: ImportBatch) -> dict[str, Any]:
    """What taking an import back would do. One `url_for` per kind of row that was edited since."""
    plan = runs.reverting(batch)
    urls: dict[str, str | None] = {}
    edited = [_row(urls, *row) for row in plan.edited[:MOST_LISTED]]
    staying = [{**_row(urls, *row[:4]), "why": row[4]} for row in plan.staying[:MOST_LISTED]]
    sentences = []
    if plan.created:
        sentences.append(("trash", _n("%(count)s row it created goes to the trash.", "%(count)s rows it created go to the trash.",
                                      plan.created, count=number(plan.created))))
    if plan.updated:
        sentences.append(("arrow-back-up", _n("%(count)s row it changed gets its old values back.",
                                              "%(count)s rows it changed get their old values back.",
                                              plan.updated, count=number(plan.updated))))
    if plan.hidden:
        sentences.append(("lock", _hidden(plan.hidden)))
    if not plan.created and not plan.updated:
        sentences.append(("info-circle", _("There is nothing left to take back.")))
    return {
        "sentences": sentences,
        "edited": edited,
        "again": batch.state == REVERTED,
        "edited_title": _n("%(count)s row was edited since:", "%(count)s rows were edited since:",
                           len(plan.edited), count=number(len(plan.edited))),
        "more": _more(len(plan.edited)),
        "staying": staying,
        "staying_more": _more(len(plan.staying)),
    }


def _title(report: Report) -> str:
    count = report.created + report.updated
    if not count:
        return _("Nothing had to be changed")
    return _n("%(count)s row was imported", "%(count)s rows were imported", count, count=number(count))


def _reverted(plan: runs.RevertPlan) -> dict[str, Any]:
    """What was taken back, and what was left."""
    sentences = []
    if plan.created:
        sentences.append(_n("%(count)s row is in the trash.", "%(count)s rows are in the trash.", plan.created,
                            count=number(plan.created)))
    if plan.updated:
        sentences.append(_n("%(count)s row has its old values back.", "%(count)s rows have their old values back.",
                            plan.updated, count=number(plan.updated)))
    left = []
    if plan.edited:
        left.append(_n("%(count)s row was left as it is, because somebody has edited it since.",
                       "%(count)s rows were left as they are, because somebody has edited them since.",
                       len(plan.edited), count=number(len(plan.edited))))
    if plan.staying:
        left.append(_n("%(count)s row stays, because it is in use.", "%(count)s rows stay, because they are in use.",
                       len(plan.staying), count=number(len(plan.staying))))
    if plan.hidden:
        left.append(_hidden(plan.hidden))
    return {
        "title": _("The import was reverted"),
        "text": " ".join(sentences) or _("There was nothing to take back."),
        "kind": "quiet",
        "icon": "arrow-back-up",
        "report": None,
        "bad": 0,
        "sentences": left,
        "warnings": [],
        "revert_label": _("Revert these too") if plan.edited else "",
    }


def _hidden(count: int) -> str:
    return _n("%(count)s row was edited since and is no longer yours to see; it stays.",
              "%(count)s rows were edited since and are no longer yours to see; they stay.", count, count=number(count))


def _row(urls: dict[str, str | None], label: str, key: str, row_id: int, title: str) -> dict[str, Any]:
    if key not in urls:
        resource = registry.resource(key)
        urls[key] = url_for(resource.endpoint("record"), row_id=0) if can(resource.permission("view")) else None
    base = urls[key]
    return {"kind": label, "title": title, "url": f"{base[:-1]}{row_id}" if base else None}


def _more(count: int) -> str:
    more = count - MOST_LISTED
    return _n("and %(num)d other", "and %(num)d others", more) if more > 0 else ""
