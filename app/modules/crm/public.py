"""What other modules may call."""

from __future__ import annotations

from app.modules.crm.board_sums import StageSum, board_sums
from app.modules.crm.bulk import Imported, import_deals
from app.modules.crm.services import change_deal, create_deal, move_deal

__all__ = ["Imported", "StageSum", "board_sums", "change_deal", "create_deal", "import_deals", "move_deal"]
