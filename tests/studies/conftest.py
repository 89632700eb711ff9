"""The machine and the workloads of these tests."""

import pytest
from slow_weights import MACHINE, NET, SMALL

import simulator


@pytest.fixture(scope="session")
def machine() -> simulator.Architecture:
    return simulator.Architecture.model_validate(MACHINE)


@pytest.fixture(scope="session")
def net() -> simulator.Workload:
    return simulator.Workload.model_validate(NET)


@pytest.fixture(scope="session")
def small() -> simulator.Workload:
    return simulator.Workload.model_validate(SMALL)
