"""Many studies: what an archive holds, a ledger of the work, its running, its tables.

`run` is for notebooks and scripts; the command is ``ctdoseseg batch``.
"""

from .console import Run, run

__all__ = ["Run", "run"]
