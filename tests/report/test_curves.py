"""Curves of a sweep: the axis, the bytes, and odd values."""

from pathlib import Path

import pytest

from simulator.report.pictures.curves import Curve, Curves, draw_curves


def curves(*values: float, **changes: object) -> Curves:
    points = tuple((value, 100 / (1 + value)) for value in values)
    given = {"layers": (), **changes}
    return Curves("net on tiny", "glb.banks", "cycles", Curve("all layers", points, 10.0), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        ((1, 2, 4, 8, 16, 32), True),
        ((1, 10, 100), True),
        ((8, 16, 24, 32), False),
        ((2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32), False),
        ((0, 1, 10, 100), False),
        ((1, 100), False),
        ((5,), False),
        ((), False),
    ],
)
def test_values_that_grow_by_factors_have_a_logarithmic_axis(values: tuple[float, ...], logarithmic: bool) -> None:
    assert curves(*values).logarithmic == logarithmic


def test_misfits_and_the_machine_are_drawn_with_the_rest() -> None:
    assert curves(4, 8, own=6, misfits=(1, 2)).values == [1, 2, 4, 6, 8]


def test_the_same_curves_give_the_same_bytes(tmp_path: Path) -> None:
    layers = tuple(Curve(f"layer {i} with a name too long for its place", ((1, i), (2, i / 2)), 0.1) for i in range(12))
    many = curves(1, 2, layers=layers, knee=2, own=1, misfits=(0.5,), knee_told="from 2 on, " * 30)
    for suffix in ("svg", "png", "pdf"):
        first, second = (draw_curves(many, tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
        assert first == second


def test_names_and_misfits_are_legible_text(tmp_path: Path) -> None:
    text = draw_curves(
        curves(1, 2, misfits=(0.5,), knee=2, knee_told="$x$ & <y>", own=1), tmp_path / "a.svg"
    ).read_text("utf-8")
    for told in ("does not fit", "knee: 2", "as described: 1", "unlimited: 10", "$x$ &amp; &lt;y&gt;"):
        assert told in text


def test_nothing_to_draw_is_an_empty_picture(tmp_path: Path) -> None:
    assert draw_curves(curves(), tmp_path / "a.png").stat().st_size > 0
