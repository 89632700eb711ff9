import pytest
from mapping_samples import machine

from simulator.spec.architecture import Architecture


@pytest.fixture
def eyeriss() -> Architecture:
    return machine("eyeriss_v1")
