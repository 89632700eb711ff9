"""A program and a state with the kernels that belong to their array, ready to run."""

from importlib import import_module
from typing import Any

from simulator.kernels.codes import compiled, machine_codes
from simulator.kernels.rows import FILL_WINDOWS, KERNELS, MORE, PICTURE, REACH, SKIP, addresses
from simulator.kernels.tables import SYSTOLIC, Program, State

OWN = {f"array:{name}": f"systolic:{name}" for name in ("compute", "accumulate")}
"""What stands in a systolic array for kernels of a spatial one."""
SYSTOLIC_ARRAY = (*(OWN.get(name, name) for name in KERNELS), *MORE)
RUN_UNTIL = "array:run_until"


class Bound:
    """A program and a state that belong together, ready to run."""

    def __init__(self, program: Program, state: State) -> None:
        self.program, self.state = program, state
        names = (*(SYSTOLIC_ARRAY if program.machine[SYSTOLIC] != 0 else KERNELS), RUN_UNTIL)
        self._rows: Any
        self._address: Any
        if compiled():
            *codes, run = machine_codes(names)
            self._rows = addresses((*program, *state), tuple(code.address for code in codes))
            self._address, calls = int(self._rows.ctypes.data), [code.call for code in codes]
            self._advance = run.call
        else:
            *calls, self._advance = (_function(name) for name in names)
            self._address = self._rows = (program, state, calls)
        self._picture, self._reach, self._fill_windows, self._skip = (
            calls[number] for number in (PICTURE, REACH, FILL_WINDOWS, SKIP)
        )

    def advance(self, limit: int) -> int:
        """See `array.run_until`."""
        return int(self._advance(self._address, limit))

    def picture(self, base: int) -> bytes | None:
        """The state relative to cycle ``base``; None where it does not fit the table."""
        n = self._picture(self._address, base)
        return None if n < 0 else self.state.picture[:n].tobytes()

    def reach(self, loop: int) -> int:
        """See `recurrence.reach`."""
        return int(self._reach(self._address, loop))

    def skip(self, loop: int, step: int, cycles: int, log_start: int, times: int) -> bool:
        """See `recurrence.skip`."""
        self.state.jump[:] = step, cycles, log_start, times, len(self.state.windows)
        return bool(self._skip(self._address, loop))

    def fill_windows(self) -> None:
        """Bring ``windows`` up to date."""
        self._fill_windows(self._address, 0)


def _function(name: str) -> Any:
    """A kernel as the Python function that it is."""
    module, function = name.split(":")
    return getattr(import_module(f"simulator.kernels.{module}"), function)
