"""`import`: a file into a resource."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import select

from app.core.cli.base import Command, Failed, office, resource_of
from app.core.db import db
from app.core.errors import NotFound
from app.core.i18n import _
from app.core.importing import engine, runs
from app.core.importing.files import FileTable, read_table
from app.core.importing.mapping import Plan, plan_by_heading, plan_by_mapping, read_mapping, with_options
from app.core.importing.report import Report
from app.core.resource import Resource

MOST_SHOWN = 20
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import", cls=Command)
@click.argument("resource", metavar="MODULE.RESOURCE")
@click.argument("file", type=FILE, required=False)
@click.option("--company", required=True, metavar="SLUG", help="Company to import into.")
@click.option("--mapping", type=FILE, help="JSON that says which column is which field; else headings are recognised.")
@click.option("--match-key", metavar="FIELD", help="Find rows that exist by this field; “id” is possible.")
@click.option("--on-match", type=click.Choice(["update", "skip"]), help="What to do with rows that exist.")
@click.option("--accept-near", is_flag=True, help="Take near matches of names (“GTXPro” for “GTX Pro”).")
@click.option("--create-missing", is_flag=True, help="Create what look-ups do not find.")
@click.option("--skip-errors", is_flag=True, help="Import the good rows even if others have errors.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--revert", type=int, metavar="BATCH", help="Take an import back; its number is in its report.")
@click.option("--include-edited", is_flag=True, help="With --revert: also rows that were changed since.")
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON.")
def import_file(
    resource: str, file: Path | None, company: str, mapping: Path | None, match_key: str | None, on_match: str | None,
    accept_near: bool, create_missing: bool, skip_errors: bool, dry_run: bool, revert: int | None, include_edited: bool,
    as_json: bool,
) -> None:
    """Import a CSV, XLSX or ODS FILE into a resource such as crm.deals: all of it, or nothing where a row has an error.

    The first line holds the headings. Dates are 2017-03-31 and numbers 1234.56 unless the mapping says otherwise.
    """
    target = resource_of(resource)
    if revert is not None:
        _revert(target, company, revert, include_edited=include_edited, as_json=as_json)
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    given = read_mapping(mapping) if mapping else None
    table = read_table(file.read_bytes(), file.name)
    with office(company):
        if given is None:
            plan = plan_by_heading(target, table.headings, match_key or "")
        else:
            plan = plan_by_mapping(target, table.headings, {**given, **_key(match_key)}, file.parent)
        plan = with_options(plan, accept_near=accept_near, create_missing=create_missing, on_match=on_match)
        report = _run(plan, table, file.name, skip_errors=skip_errors, dry_run=dry_run)
    click.echo(json.dumps(report.plain(), ensure_ascii=False, indent=2) if as_json else _text(report, target))
    if report.errors and not skip_errors:
        raise Failed(f"{len({e.line for e in report.errors})} of {report.rows} rows have errors; nothing was imported.")


def _revert(target: Resource, company: str, number: int, *, include_edited: bool, as_json: bool) -> None:
    """Take an import back and say what became of its rows."""
    with office(company):
        batch = db.session.scalar(select(runs.ImportBatch).where(runs.ImportBatch.id == number))
        if batch is None or batch.resource != target.key:
            raise NotFound(_("There is no such import."))
        done = runs.revert_now(batch, include_edited)
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False, indent=2))
        return
    click.echo(f"{target.address}: {done.created} rows thrown away, {done.updated} put back as they were")
    for label, _key, row_id, title in done.edited[:MOST_SHOWN]:
        click.echo(f"  left, changed since: {label} {row_id} “{title}”")
    for label, _key, row_id, title, why in done.staying[:MOST_SHOWN]:
        click.echo(f"  stays: {label} {row_id} “{title}”: {why}")
    if more := max(0, len(done.edited) - MOST_SHOWN) + max(0, len(done.staying) - MOST_SHOWN):
        click.echo(f"  … and {more} more; --json lists all")


def _key(match_key: str | None) -> dict[str, str]:
    return {"match_key": match_key} if match_key else {}


def _run(plan: Plan, table: FileTable, name: str, *, skip_errors: bool, dry_run: bool) -> Report:
    if dry_run:
        return engine.rehearse(plan, table)
    tty = sys.stderr.isatty()

    def progress(rows: int) -> None:
        if tty:
            click.echo(f"\r{rows} of {len(table.rows)} rows checked", nl=False, err=True)

    report = engine.bring_in(plan, table, name, skip_errors=skip_errors, progress=progress)
    if tty:
        click.echo(err=True)
    return report


def _text(report: Report, target: Resource) -> str:
    would = "would be " if report.dry_run else ""
    lines = [f"{target.address}: {report.rows} rows read, {report.ok} good, {report.rows - report.ok} with errors"]
    lines.append(
        f"  {would}created {report.created}, {would}updated {report.updated}, unchanged {report.unchanged},"
        f" skipped {report.skipped}"
    )
    if report.batch:
        lines.append(f"  to take it back: --revert {report.batch}")
    if report.ignored:
        lines.append(f"  columns left aside: {', '.join(report.ignored)}")
    lines += [f"  {would}created in {made['resource']}: “{made['name']}”" for made in report.made]
    for near in report.near:
        verdict = "taken" if near.taken else "not taken; --accept-near takes it"
        lines.append(f"  near match, {near.field}: “{near.given}” → “{near.match}” in {near.count} rows ({verdict})")
    lines += [f"  note, {w['count']} rows, first on line {w['line']}: {w['message']}" for w in report.warnings]
    for error in report.errors[:MOST_SHOWN]:
        where = f", {error.column or error.field}" if error.column or error.field else ""
        lines.append(f"  line {error.line}{where}: {error.message}")
    if len(report.errors) > MOST_SHOWN:
        lines.append(f"  … and {len(report.errors) - MOST_SHOWN} more errors; --json lists all")
    return "\n".join(lines)
