"""Energy tables: what one action of one kind of component costs, with the source beside every number."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from simulator.components.base import Count, Part, Positive
from simulator.spec.catalog import find
from simulator.spec.reader import load_plain


class Sourced(Part):
    """A number that says where it comes from, in exactly one of four ways."""

    source: str | None = Field(None, min_length=1, description="where the number is published")
    derived: str | None = Field(
        None, min_length=1, description="the arithmetic that gives it from published numbers"
    )
    assumed: str | None = Field(
        None, min_length=1, description="why this was taken, where nothing is published"
    )
    fitted: str | None = Field(None, min_length=1, description="what it was fitted to")

    @model_validator(mode="after")
    def _says_where_from(self) -> Self:
        said = [text for text in (self.source, self.derived, self.assumed, self.fitted) if text]
        if len(said) != 1:
            raise ValueError(
                "exactly one of source, derived, assumed or fitted was expected beside the value"
            )
        return self

    @property
    def origin(self) -> str:
        """The origin in words, for example ``"assumed: not published"``."""
        names = ("source", "derived", "assumed", "fitted")
        return next(f"{name}: {getattr(self, name)}" for name in names if getattr(self, name))


class Anchor(Sourced):
    """The energy of one MAC in picojoules, which turns relative costs into joules."""

    value: Positive


class Price(Sourced):
    """The energy of one action, in the table's unit.

    A price for words is scaled in proportion to their width. A price for operations (``mac``,
    ``vector_unit``) holds for operands up to its width and is not scaled.
    """

    value: Annotated[float, Field(ge=0)]
    word_bits: Count | None = Field(
        None, description="the width that the value is for; the table's where absent"
    )
    capacity_bytes: Count | None = Field(
        None, description="the value holds for a bank or buffer up to this size"
    )


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Prices = Annotated[tuple[Price, ...], BeforeValidator(_as_list), Field(min_length=1)]


class EnergyTable(Part):
    """Energy per action for kinds of components.

    ``actions[kind][action]`` is a price or a list of prices, of which the first that is large enough (and,
    for operations, wide enough) is taken. A kind
    that is not listed takes the entries of its family: ``network``,
    ``memory`` or ``array``.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    unit: Literal["pj", "mac"] = Field(description="picojoules, or multiples of the energy of one MAC")
    mac_pj: Anchor | None = Field(
        None, description="energy of one MAC in picojoules; only and always with unit: mac"
    )
    word_bits: Count = Field(
        description="width of the words that the values are for, unless a value says otherwise"
    )
    actions: dict[str, dict[str, Prices]]

    @model_validator(mode="after")
    def _anchor_goes_with_unit(self) -> Self:
        if (self.unit == "mac") != (self.mac_pj is not None):
            raise ValueError("mac_pj was expected with unit: mac, and only there")
        return self

    @property
    def pj_per_unit(self) -> float:
        """Picojoules per unit of the table."""
        return 1.0 if self.mac_pj is None else self.mac_pj.value

    @property
    def in_words(self) -> str:
        """The table in one sentence, its anchor included; to be shown wherever its joules are."""
        if self.mac_pj is None:
            return self.name
        return f"{self.name}, relative costs with 1 MAC = {self.mac_pj.value:g} pJ ({self.mac_pj.origin})"

    def prices(self, kind: str, family: str, action: str) -> tuple[Price, ...]:
        """Prices of an action, of the kind itself or else of its family; empty where there is none."""
        for group in (kind, family):
            found = self.actions.get(group, {}).get(action)
            if found:
                return found
        return ()


def load_energy_table(name_or_path: str | Path) -> EnergyTable:
    """Read a shipped energy table by name, or any by path; `InputError` lists all that is wrong with it."""
    path = find("energy", name_or_path)
    try:
        about = path.stat()
    except OSError:
        return read_energy_table(path)  # which says what is wrong
    return _kept(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=8)
def _kept(path: Path, _mtime_ns: int, _size_bytes: int) -> EnergyTable:
    """A table that is read once for as long as its file stays as it is."""
    return read_energy_table(path)


def read_energy_table(path: Path) -> EnergyTable:
    """Read one energy table file; `InputError` lists all that is wrong with it."""
    return load_plain(EnergyTable, path)
