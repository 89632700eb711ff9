"""The engine gives the same integers as the brute-force model: cycles, every name, cause and counter."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .compare import differences
from .machines import Case, any_case


@settings(
    max_examples=300, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(any_case(), st.integers(0, 3))
def test_the_engine_agrees_with_the_model_that_advances_cycle_by_cycle(case: Case, relaxed: int) -> None:
    assert differences(*case, which=relaxed) == []
