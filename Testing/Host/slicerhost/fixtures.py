"""The pytest fixture `host`: import it into a conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slicerhost.host import Host


@pytest.fixture
def host() -> Iterator[Host]:
    """A host for one test; what went wrong behind the test's back fails it."""
    with Host() as opened:
        yield opened
