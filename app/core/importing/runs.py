"""All that a page does with imports: one batch from the upload to its report, and back again.

    batch = runs.begin(resource, "deals.csv", data)     its columns are recognised: runs.preview(batch)
    runs.set_mapping(batch, {...})                      as the person corrects them
    runs.start_check(batch)                             the worker does it; batch.state, batch.done of batch.rows
    runs.near(batch), runs.missing(batch)               names that nothing bears: runs.decide(batch, [...])
    runs.errors(batch), runs.error_file(batch)          what is wrong with which row
    runs.start_publish(batch)                           all of it, or with skip_errors what is good
    runs.reverting(batch), runs.start_revert(batch)     what taking it back would do, and doing it

Each commits by itself and raises `BusinessError`, `Conflict` or `NotFound` with a sentence.
"""

from __future__ import annotations

from app.core.importing.deciding import Decision, Missing, decide, missing, near
from app.core.importing.models import BUSY, ImportBatch
from app.core.importing.refused import PER_PAGE, Page, error_file, errors
from app.core.importing.report import NearMatch, Report, RowError
from app.core.importing.reverting import RevertPlan, revert_now, reverting
from app.core.importing.running import cancel, start_check, start_publish, start_revert
from app.core.importing.saved import forget_mapping, mappings, save_mapping, use_mapping
from app.core.importing.uploads import Heading, Preview, batch, begin, preview, recent, set_mapping, table_of

__all__ = [
    "BUSY",
    "PER_PAGE",
    "Decision",
    "Heading",
    "ImportBatch",
    "Missing",
    "NearMatch",
    "Page",
    "Preview",
    "Report",
    "RevertPlan",
    "RowError",
    "batch",
    "begin",
    "cancel",
    "decide",
    "error_file",
    "errors",
    "forget_mapping",
    "mappings",
    "missing",
    "near",
    "preview",
    "recent",
    "revert_now",
    "reverting",
    "save_mapping",
    "set_mapping",
    "start_check",
    "start_publish",
    "start_revert",
    "table_of",
    "use_mapping",
]
