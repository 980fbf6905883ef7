"""What holds for every test: nothing of the user's is touched, and a busy machine makes no test fail."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from thaiocr.models import fast

settings.register_profile("thaiocr", deadline=None)
settings.load_profile("thaiocr")

# In the background of a shell Ctrl-C is ignored, and every process that a test starts would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before any test makes a matrix product: runs are compared bit for bit with runs of processes that begin with this.
fast.tune_process()


@pytest.fixture(scope="session", autouse=True)
def no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Session-wide, so that fixtures of every scope are under it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAIOCR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
