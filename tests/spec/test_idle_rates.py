"""Rates that could have no effect are refused."""

import pytest

from simulator.errors import InputError
from simulator.spec.catalog import load_architecture


@pytest.mark.parametrize("key", ["write_words_per_cycle", "outer_read_words_per_cycle"])
def test_a_buffer_of_weights_has_no_outward_rates(key: str) -> None:
    machine = load_architecture("eyeriss_v1")
    with pytest.raises(InputError, match=key):
        machine.replace(**{f"memories__weight_buffer__{key}": 4})


def test_links_between_pes_have_nothing_to_arbitrate() -> None:
    with pytest.raises(InputError, match="no meaning"):
        load_architecture("eyeriss_v1").replace(networks__psum_local__arbitration="round_robin")
