"""Times are 64 bits wide: a run that would need more is refused, whether it is skipped through or not."""

import pytest

import simulator
from simulator.errors import InputError
from simulator.spec.catalog import load_architecture


@pytest.mark.parametrize("fast_forward", [True, False])
@pytest.mark.parametrize("rates", [("3.141593", "2.718281"), ("3.141593", "2.718281", "1.414213", "1.732051")])
def test_rates_whose_common_unit_is_too_fine_are_refused(rates: tuple[str, ...], fast_forward: bool) -> None:
    networks = ("weight_in", "input_in", "psum_in", "psum_out")
    changes = {f"networks__{n}__words_per_cycle": rate for n, rate in zip(networks, rates, strict=False)}
    machine = load_architecture("eyeriss_v1").replace(**changes)
    with pytest.raises(InputError, match=r"CONV3: rates: .* 64 bits"):
        simulator.simulate(machine, "alexnet", layers=["CONV3"], fast_forward=fast_forward)


def test_skipping_stops_where_time_ends() -> None:
    machine = load_architecture("eyeriss_v1").replace(
        networks__weight_in__words_per_cycle="3.14159", networks__input_in__words_per_cycle="2.71828"
    )
    assert simulator.simulate(machine, "alexnet", layers=["CONV3"]).layers["CONV3"].cycles > 0
    with pytest.raises(InputError, match="64 bits"):
        simulator.simulate(machine, "alexnet", batch=4000, layers=["CONV3"])
