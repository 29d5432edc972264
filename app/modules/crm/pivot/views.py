"""The pivot page: a measure split by rows and columns, saved under a name, taken along as a file."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from app.core.access import require
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.ids import whole
from app.core.reports import files
from app.core.reports.asking import Desk
from app.core.web import redirect_to, render, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.pivot import saved
from app.modules.crm.pivot.asked import SHARES, SORTS, Asked, asked, measures, splits
from app.modules.crm.pivot.shown import shown
from app.modules.crm.pivot.table import table_of

FILES = {"csv": files.csv_of, "xlsx": lambda table: files.workbook_of(_("Pivot"), table)}


@blueprint.get("/pivot")
@require("crm.report.view")
def pivot() -> Any:
    """A pivot as its address asks for it; the bare address shows what was won, by owner and quarter."""
    try:
        wanted = asked(request.args)
    except BusinessError as error:
        return _page(asked({}), refused=error.message)
    return _page(wanted)


@blueprint.get("/pivot/file")
@require("crm.report.view")
def pivot_file() -> Any:
    """The pivot as a file: `format` is csv or xlsx."""
    wanted, kind = asked(request.args), request.args.get("format", "csv")
    if kind not in FILES:
        raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=kind[:40], known=", ".join(FILES)), field="format")
    made = shown(wanted, table_of(wanted, Desk(wanted.frame)))
    return files.download(FILES[kind](made.table), kind, f"{wanted.frame.file_name}.{kind}")


@blueprint.post("/pivot/saved")
@require("crm.report.view")
def pivot_save() -> Any:
    """Keep the pivot whose address is posted, under a name."""
    wanted = asked(request.form)
    kept = saved.save(request.form.get("name", ""), "shared" in request.form, wanted.args)
    toast(_("Saved: %(name)s", name=kept.name))
    return redirect_to(wanted.frame.url())


@blueprint.post("/pivot/saved/<string:pivot_id>/delete")
@require("crm.report.view")
def pivot_forget(pivot_id: str) -> Any:
    """Delete a saved pivot."""
    toast(_("Deleted: %(name)s", name=saved.forget(whole(pivot_id) or 0)))
    return redirect_to(url_for("crm.pivot"))


def _page(wanted: Asked, refused: str = "") -> Any:
    desk = Desk(wanted.frame)
    made = shown(wanted, table_of(wanted, desk), desk)
    return render("crm/pivot/pivot.html", "crm/pivot/_pivot.html", status=422 if refused else 200, asked=wanted, made=made,
                  refused=refused, frame=wanted.frame, desk=desk, saved=_saved(wanted), **_choices(wanted))


def _choices(wanted: Asked) -> dict[str, Any]:
    """What the selects of the page offer."""
    grains = {"deal": _("Deals"), "activity": _("Activities"), "lead": _("Leads"), "account": _("Accounts")}
    groups: dict[str, list[tuple[str, str]]] = {}
    for measure in measures().values():
        groups.setdefault(grains.get(measure.grain, measure.grain), []).append((measure.id, str(measure.label)))
    return {
        "measures": groups,
        "splits": [(name, str(dimension.label)) for name, dimension in splits(wanted.metric).items()],
        "shares": list(SHARES.items()) if wanted.additive else list(SHARES.items())[:1],
        "sorts": list(SORTS.items()),
        "chips": [chip for chip in wanted.frame.chips if chip["name"] != "compare"],
    }


def _saved(wanted: Asked) -> list[dict[str, Any]]:
    return [
        {"name": row.name, "shared": row.shared, "url": url_for("crm.pivot", **row.args), "current": row.args == wanted.args,
         "delete_url": url_for("crm.pivot_forget", pivot_id=str(row.id)) if saved.may_forget(row) else None}
        for row in saved.saved()
    ]  # fmt: skip
