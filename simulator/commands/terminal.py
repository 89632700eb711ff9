"""What commands share: how they say something, show a table, and follow long work."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simulator.errors import InputError, InputWarning, Problem
from simulator.writing import file_name

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.report.tables import Grid

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe."""


def say(text: str) -> None:
    """Print to stderr."""
    print(text, file=sys.stderr)


@contextmanager
def told_warnings() -> Iterator[None]:
    """Print what is said about the user's files to stderr, every line once, and other warnings as ever."""
    others, said = warnings.showwarning, set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        line = f"warning: {' '.join(str(message).split())}"
        if not issubclass(category, InputWarning):
            others(message, category, *rest, **named)
        elif line not in said:
            said.add(line)
            say(line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield


def console() -> "Console":
    """A console on stdout: as wide as the terminal, `PLAIN_WIDTH` columns where there is none."""
    from rich.console import Console

    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show_grid(grid: "Grid") -> None:
    """Print a table."""
    from simulator.report.tables import rich_table

    console().print(rich_table(grid))


def show_tables(grids: Iterable["Grid"], remarks: Iterable[str]) -> None:
    """Print tables, and below them what must be said beside them."""
    from rich.text import Text

    for grid in grids:
        show_grid(grid)
    for remark in remarks:
        console().print(Text(remark))


def default_directory(*parts: str) -> Path:
    """The first of results/A-B, results/A-B-2, results/A-B-3, ... that does not exist."""
    base = "-".join(map(file_name, parts))
    path, number = Path("results") / base, 1
    while path.exists() or path.is_symlink():
        number += 1
        path = Path("results") / f"{base}-{number}"
    return path


def check_picture(path: Path, option: str = "--plot") -> None:
    """Refuse before anything runs what a picture could not be written to."""
    from simulator.report.pictures.style import FORMATS

    problems = []
    if path.suffix not in FORMATS:
        problems.append(Problem(option, "", str(path), f"a file ending in {', '.join(FORMATS)} was expected"))
    if path.is_dir() or not path.absolute().parent.is_dir():
        problems.append(Problem(option, "", str(path), "a file in a directory that exists was expected"))
    if problems:
        raise InputError(problems)


class OnStep(Protocol):
    """Called whenever a part of the work is through."""

    def __call__(self, done: int, total: int, name: str, /) -> None:
        """Show that ``done`` of ``total`` parts are through, and the name of the last one."""


@contextmanager
def progress(*, hidden: bool) -> Iterator[OnStep]:
    """A bar on stderr that follows finished parts; invisible where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    terminal = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=terminal, transient=True, disable=hidden or not terminal.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=None)

        def on_step(done: int, total: int, name: str, /) -> None:
            bar.update(task, completed=done, total=total, description=name)

        with heard(lambda text: bar.update(task, description=text)):
            yield on_step


@contextmanager
def heard(tell: Callable[[str], None]) -> Iterator[None]:
    """Pass on what the simulator says of its own doings, such as that it compiles."""
    handler, logger = logging.Handler(), logging.getLogger("simulator")
    handler.emit = lambda record: tell(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
