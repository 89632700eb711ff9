"""What a run takes over from a mapping: entries for the layers it names, its dataflow for the others."""

import simulator
from simulator.spec.validation import validate
from simulator.spec.workload import Workload

CONV = {"C": 4, "M": 8, "H": 8, "W": 8, "R": 3, "S": 3}
NET = validate(Workload, {"name": "two", "layers": [{"name": "A", "conv": CONV}, {"name": "B", "conv": {**CONV, "M": 4}}]}, "two")
PARAMETERS = {"m": 8, "n": 1, "e": 6, "p": 4, "q": 2, "r": 2, "t": 2}


def test_a_mapping_may_be_given_as_values() -> None:
    run = simulator.simulate("eyeriss_v1", NET, mapping={"dataflow": "row_stationary", "layers": {"A": PARAMETERS}})
    assert run.mappings["A"].parameters == PARAMETERS


def test_layers_that_a_mapping_does_not_name_take_its_dataflow() -> None:
    own = simulator.simulate("ws16", NET)
    assert {mapping.dataflow for mapping in own.mappings.values()} == {"weight_stationary"}
    entry = own.mappings["A"].to_dict()
    run = simulator.simulate("ws16", NET, mapping={"dataflow": "input_stationary", "layers": {"A": entry}})
    assert run.mappings["B"].dataflow == "input_stationary"
    assert run.layers["A"].to_dict() == own.layers["A"].to_dict()
    named = simulator.simulate("ws16", NET, dataflow="output_stationary", mapping={"dataflow": "input_stationary", "layers": {"A": entry}})
    assert named.mappings["B"].dataflow == "output_stationary"
