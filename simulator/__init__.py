"""Stallion: a cycle-level simulator of DNN accelerators.

>>> import simulator
>>> run = simulator.simulate("eyeriss_v1", "alexnet", batch=4)
>>> run.layers["CONV1"].pe_cycles
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "simulate": "simulator.pipeline",
    "bounds": "simulator.studies.bounds",
    "Eyexam": "simulator.studies.bounds",
    "trace": "simulator.studies.tracing",
    "whatif": "simulator.studies.relaxing",
    "vary": "simulator.studies.varying",
    "Relaxing": "simulator.studies.relaxing",
    "Sweep": "simulator.studies.varying",
    "validate": "simulator.validation",
    "evaluate": "simulator.studies.evaluation",
    "Evaluation": "simulator.studies.evaluation",
    "Validation": "simulator.validation",
    "Run": "simulator.report.result",
    "LayerResult": "simulator.report.result",
    "Architecture": "simulator.spec.architecture",
    "Workload": "simulator.spec.workload",
    "Mapping": "simulator.mapping.mapping",
    "RandomOperands": "simulator.spec.operands",
    "load_architecture": "simulator.formats.load",
    "load_workload": "simulator.formats.load",
    "InputError": "simulator.errors",
    "InputWarning": "simulator.errors",
}

__all__ = [
    "Architecture",
    "Evaluation",
    "Eyexam",
    "InputError",
    "InputWarning",
    "LayerResult",
    "Mapping",
    "RandomOperands",
    "Relaxing",
    "Run",
    "Sweep",
    "Validation",
    "Workload",
    "bounds",
    "evaluate",
    "load_architecture",
    "load_workload",
    "simulate",
    "trace",
    "validate",
    "vary",
    "whatif",
]

if TYPE_CHECKING:
    from simulator.errors import InputError, InputWarning
    from simulator.formats.load import load_architecture, load_workload
    from simulator.mapping.mapping import Mapping
    from simulator.pipeline import simulate
    from simulator.report.result import LayerResult, Run
    from simulator.spec.architecture import Architecture
    from simulator.spec.operands import RandomOperands
    from simulator.spec.workload import Workload
    from simulator.studies.bounds import Eyexam, bounds
    from simulator.studies.evaluation import Evaluation, evaluate
    from simulator.studies.relaxing import Relaxing, whatif
    from simulator.studies.tracing import trace
    from simulator.studies.varying import Sweep, vary
    from simulator.validation import Validation, validate


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that importing the package stays fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'simulator' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
