"""What every module must honour, third-party ones too: import it into your tests.

    from app.core.testing import MODULE_CHECKS, Walk
"""

from app.core.testing.modules import MODULE_CHECKS
from app.core.testing.walk import PUBLIC, Walk

__all__ = ["MODULE_CHECKS", "PUBLIC", "Walk"]
