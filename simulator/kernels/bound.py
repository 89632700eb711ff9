"""A program and a state with the kernels that belong to their array, ready to run."""

from typing import Any

from simulator.kernels import array, systolic
from simulator.kernels._jit import compiled, machine_codes
from simulator.kernels.recurrence import look_back, picture, reach, skip
from simulator.kernels.tables import SYSTOLIC, Program, State
from simulator.kernels.views import KERNELS, PICTURE, addresses
from simulator.kernels.windows import fill_windows


class Bound:
    """A program and a state that belong together, ready to run."""

    def __init__(self, program: Program, state: State) -> None:
        self.program, self.state = program, state
        inside = systolic if program.machine[SYSTOLIC] != 0 else array
        around = (look_back, picture, reach, fill_windows, skip)
        kernels = (array.settle, inside.compute, inside.accumulate, array.grant, *around, *inside.MORE)
        self._rows: Any = (program, state, kernels)
        self._address, self._picture, self._reach = self._rows, picture, reach
        self._fill_windows, self._skip = fill_windows, skip
        if compiled():
            codes = machine_codes(kernels)
            self._rows = addresses((*program, *state), tuple(code.address for code in codes))
            self._address = self._rows.ctypes.data
            self._picture, self._reach, self._fill_windows, self._skip = (code.ctypes for code in codes[PICTURE : len(KERNELS)])

    def advance(self, limit: int) -> int:
        """See `array.run_until`."""
        return int(array.run_until(self._rows, limit))

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
