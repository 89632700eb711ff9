"""The one exception for input that cannot be used, and how it reads."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    ``place`` is a file, a shipped name or a command-line option; ``key`` the path to the offending key
    (``memories.glb.banks``), empty where there is none; ``value`` the offending value as text, empty where
    there is none; ``expected`` a clause that says what would have been right.
    """

    place: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.place}: {self.key}" if self.key else self.place
        got = f" (got {self.value})" if self.value else ""
        return f"{where}: {self.expected}{got}"


class InputWarning(UserWarning):
    """Input that was used, but not in all as it stands; the command line prints it to stderr."""


class InputError(Exception):
    """Input that cannot be used: carries every problem found, never only the first.

    The command line prints one line per problem and exits with code 2.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refuse(place: str, key: str, value: object, expected: str) -> InputError:
    """Return an `InputError` with a single problem, to be raised by the caller."""
    return InputError([Problem(place, key, "" if value is None else str(value), expected)])
