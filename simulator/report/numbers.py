"""How numbers are written for people."""


def percent(part: float, whole: float) -> str:
    """Share in percent with one decimal; empty for nothing, so that zeros do not shout."""
    if not part or not whole:
        return ""
    share = 100 * part / whole
    return f"{share:.1f}" if share >= 0.05 else "<0.1"


def count(value: float) -> str:
    """Whole number with thousands separated by commas."""
    return f"{value:,.0f}"


def several(number: int, what: str) -> str:
    """A number of things: ``1 layer``, ``2 layers``."""
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def short(value: float | None, digits: int = 4) -> str:
    """Number with about ``digits`` significant digits and no exponent; a dash for None."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 10**digits:
        return count(value)
    return f"{value:,.{digits}g}" if abs(value) >= 1e-3 else f"{value:.2e}"


def signed(value: float, digits: int = 1) -> str:
    """Number with its sign; none where it is rounded to zero."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def ratio(before: float, after: float) -> str:
    """``after / before`` as a factor; words where there is none."""
    if not before:
        return "same" if not after else "new"
    return f"{after / before:.3f}"
