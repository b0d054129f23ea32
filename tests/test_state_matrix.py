"""Each family of calls does in every state of a thread what it does natively."""

import pytest
from state_matrix import FAMILIES, complaints


@pytest.mark.parametrize("family", FAMILIES)
def test_family_in_every_state(family, workers):
    found = complaints(family, workers)
    assert not found, "\n".join(found)
