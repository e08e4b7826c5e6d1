"""What recorded tests of providers share."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import pytest

from tests.support.kit import API_VERSIONS, steady_serving
from unibill.sandbox import Serving


@pytest.fixture
def unibill_serving() -> Callable[[], AbstractContextManager[Serving]]:
    return steady_serving


@pytest.fixture
def unibill_api_versions() -> Mapping[str, str]:
    return API_VERSIONS
