"""A workload's file: its parameters are given numbers before its layers are built."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.spec.parameters import Parameters
from simulator.spec.reader import Document, built, read_document, with_provenance
from simulator.spec.workload import Origin, Workload, provenance_of


def read_workload(path: Path, told: str, parameters: Mapping[str, object] | None = None) -> Workload:
    """Read and check a workload; ``parameters`` replace those of the file, ``told`` is what it is called.

    Raises `InputError` with every problem of the file, and where a parameter is unknown or changes nothing.
    """
    document = read_document(path)
    data = with_provenance(document.data)
    values = Parameters(parameters)
    faults = values.declare(data.pop("parameters", {}))
    document.problems += [Problem(document.place, p.key, p.value, p.expected) for p in faults]
    network = built(Workload, data, document, values)
    _check_all_used(values, document)
    if network.provenance:
        network = network.replace(provenance=provenance_of(network.provenance, values.places))
    digest = sha256(path.read_bytes()).hexdigest()
    return network.read_from(Origin(told, digest, dict(values.values)))


def _check_all_used(values: Parameters, document: Document) -> None:
    unused = [Problem(document.place, p.key, p.value, p.expected) for p in values.unused()]
    if unused:
        raise InputError(unused)
