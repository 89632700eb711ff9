"""Rates that could have no effect, or no end, are refused."""

import pytest

from simulator.components.base import parse_rate
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


@pytest.mark.parametrize("rate", ["1e999999999", "1E-99999", "2e+10000"])
def test_a_rate_that_would_fill_the_memory_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="a positive number"):
        parse_rate(rate)
