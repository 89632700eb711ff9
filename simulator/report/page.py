"""An HTML page that needs nothing else: sections with a table of contents, tables, pictures as data."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from simulator.report.tables import Grid, html_grid

STYLE = """
:root { color-scheme: light dark; --ink: #1c2833; --soft: #566573; --paper: #fff; --line: #d5d8dc;
  --shade: #f4f6f7; --mark: #1b4f72; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e8e8; --soft: #aab7b8; --paper: #17202a;
  --line: #34495e; --shade: #1f2d3a; --mark: #85c1e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 Georgia, "Times New Roman", serif; }
h1, h2, h3, th, nav, caption, figcaption, dt { font-family: system-ui, Helvetica, Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .8rem; padding-top: .6rem; border-top: 2px solid var(--mark); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; overflow-wrap: anywhere; }
a { color: var(--mark); }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
.lead { color: var(--soft); margin: 0 0 1.2rem; }
.warning { border-left: 4px solid #dc7633; padding: .4rem .8rem; background: var(--shade); }
nav { background: var(--shade); padding: .8rem 1.2rem; font-size: .9rem; }
nav ol { margin: 0; padding-left: 1.4rem; columns: 2 16rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th { text-align: left; vertical-align: bottom; font-weight: 600; font-size: .78rem;
  border-bottom: 2px solid var(--ink); }
th, td { padding: .2rem .7rem .2rem 0; }
td { vertical-align: top; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
tr.total td { font-weight: 700; }
figure { margin: 1.2rem 0; }
figure img { display: block; width: min(100%, 60rem); height: auto; background: #fff; padding: .6rem;
  border: 1px solid var(--line); }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .3rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--shade); padding: .6rem;
  font-size: .85rem; }
summary { cursor: pointer; font-family: system-ui, Arial, sans-serif; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .scroll { overflow: visible; }
  table, th { font-size: 7pt; }
  figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } nav { display: none; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: a title and HTML that is already escaped."""

    title: str
    body: str


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole document; the sections follow their table of contents."""
    names = [f"part-{number}" for number in range(1, len(sections) + 1)]
    entries = "".join(
        f'<li><a href="#{name}">{escape(section.title)}</a></li>'
        for name, section in zip(names, sections, strict=True)
    )
    parts = "\n".join(
        f'<section id="{name}"><h2>{escape(section.title)}</h2>\n{section.body}</section>'
        for name, section in zip(names, sections, strict=True)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{STYLE}</style>\n</head>\n'
        f'<body>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n'
        f'<nav aria-label="Contents"><ol>{entries}</ol></nav>\n{parts}\n</body>\n</html>\n'
    )


def tables(grids: Iterable[Grid]) -> str:
    """Tables below each other, each with a scroll bar of its own where it is too wide."""
    return "".join(f'<div class="scroll">{html_grid(grid)}</div>\n' for grid in grids)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of names with their values."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<dl>{rows}</dl>\n"


def paragraphs(lines: Iterable[str], kind: str = "") -> str:
    """Lines as paragraphs of a class."""
    shown = f' class="{kind}"' if kind else ""
    return "".join(f"<p{shown}>{escape(line)}</p>\n" for line in lines)


def figure(picture: Path, caption: str) -> str:
    """A PNG file as data with its caption."""
    data = b64encode(picture.read_bytes()).decode("ascii")
    told = escape(caption, quote=True)
    image = f'<img alt="{told}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>\n"
