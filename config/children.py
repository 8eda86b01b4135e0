"""The environment of a child that reads what strangers made: what Python needs to begin, and no secret of ours."""

from __future__ import annotations

import os

# DONGTING_CHILD_OF: by this whoever starts everything finds what is left of it.
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "DONGTING_CHILD_OF")


def bare_environment() -> dict[str, str]:
    """The variables of this process that a child may know."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
