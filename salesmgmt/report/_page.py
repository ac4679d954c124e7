"""Sections to HTML: one template, figures inline as SVG, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pandas as pd

from .. import __version__, plots
from ..plots._style import widen
from ._blocks import Block, Figure, Section, Table, Text, column_word

__all__ = ["render"]

_TEMPLATE = """<!doctype html>
<html lang="{{ 'zh-CN' if lang == 'zh' else 'en' }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
{{ font }}
:root { --ink:#1d2530; --soft:#5c6773; --line:#e3e7ec; --accent:#0072B2; --paper:#ffffff; }
* { box-sizing:border-box; }
body { margin:0; background:#f4f6f8; color:var(--ink); line-height:1.5;
  font-family:-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei",
  "Noto Sans CJK SC","Source Han Sans SC","Salesmgmt Sans SC",sans-serif; }
header { background:var(--ink); color:#fff; padding:28px 24px; }
header h1 { margin:0 0 4px; font-size:26px; } header p { margin:0; color:#c7d0da; }
header .data { margin-top:6px; font-size:13px; max-width:1080px; }
.data span { white-space:nowrap; }
nav { background:#fff; border-bottom:1px solid var(--line); padding:10px 24px;
  position:sticky; top:0; }
nav a { margin-right:18px; color:var(--accent); text-decoration:none; white-space:nowrap; }
main { max-width:1080px; margin:0 auto; padding:8px 20px 40px; }
section { background:var(--paper); border:1px solid var(--line); border-radius:8px;
  margin:20px 0; padding:8px 24px 20px; }
h2 { border-bottom:2px solid var(--accent); padding-bottom:6px; display:inline-block; }
h3 { margin:22px 0 8px; font-size:16px; }
figure { margin:0; } figure svg { max-width:100%; height:auto; }
.scroll { overflow-x:auto; }
table { border-collapse:collapse; font-size:14px; min-width:50%; }
th { text-align:left; border-bottom:2px solid var(--line); padding:5px 12px 5px 0;
  color:var(--soft); font-weight:600; }
td { border-bottom:1px solid var(--line); padding:4px 12px 4px 0; white-space:nowrap; }
.n { text-align:right; font-variant-numeric:tabular-nums; }
.more, footer { color:var(--soft); font-size:13px; }
footer { text-align:center; padding:0 0 30px; }
@media print { nav { display:none; } section { break-inside:avoid-page; }
  body { background:#fff; } }
</style>
</head>
<body>
<header><h1>{{ title }}</h1><p>{{ subtitle }}</p>
{% if data %}<p class="data">
{{ "数据：" if lang == "zh" else "Data: " }}{% for d in data %}<span>{{ d }}</span>
{%- if not loop.last %}{{ "，" if lang == "zh" else ", " }}{% endif %}{% endfor %}</p>
{% endif %}</header>
<nav>{% for s in sections %}<a href="#{{ s.key }}">{{ s.title }}</a>{% endfor %}</nav>
<main>
{% for s in sections %}<section id="{{ s.key }}"><h2>{{ s.title }}</h2>
{% for b in s.blocks %}{{ b }}
{% endfor %}</section>
{% endfor %}</main>
<footer>salesmgmt {{ version }}</footer>
</body>
</html>
"""


def render(
    sections: Sequence[Section], *, as_of: object, lang: str, data: Sequence[str] = ()
) -> str:
    """The page of all sections; ``data``: the tables that it was made from."""
    env = jinja2.Environment(autoescape=True, trim_blocks=True)
    filled = [
        {
            "key": s.key,
            "title": s.title,
            "blocks": [_block(b, f"{s.key}{i}", lang, env) for i, b in enumerate(s.blocks)],
        }
        for s in sections
    ]
    asked = "" if as_of is None else f"{pd.Timestamp(as_of):%Y-%m-%d}"  # type: ignore[arg-type]
    words = {
        "lang": lang,
        "title": "销售管理报告" if lang == "zh" else "Sales report",
        "subtitle": _subtitle(asked, lang),
        "data": data,
        "sections": filled,
        "version": __version__,
    }
    template = env.from_string(_TEMPLATE)
    return template.render(**words, font=markupsafe.Markup(_font_face(template.render(**words))))


def _font_face(page: str) -> str:
    """The Chinese characters of the page as a font of their own, for machines without one."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    used = sorted({ord(c) for c in page if ord(c) >= 0x2E80})
    if not used:
        return ""
    font = TTFont(Path(plots.__file__).parent / "fonts" / "SalesmgmtSansSC.otf")
    cutter = subset.Subsetter(subset.Options(hinting=False, layout_features=[]))
    cutter.populate(unicodes=used)
    cutter.subset(font)
    out = io.BytesIO()
    font.save(out)
    data = base64.b64encode(out.getvalue()).decode()
    source = f"url(data:font/otf;base64,{data})"
    return f'@font-face {{ font-family:"Salesmgmt Sans SC"; src:{source}; }}'


def _subtitle(as_of: str, lang: str) -> str:
    if lang == "zh":
        return f"截至 {as_of}" if as_of else "截至各表数据的最后日期"
    return f"As of {as_of}" if as_of else "As of the last date in each table"


def _block(block: Block, name: str, lang: str, env: jinja2.Environment) -> Any:
    if isinstance(block, Text):
        return markupsafe.Markup("<p>{}</p>").format(block.text)
    head = markupsafe.Markup("<h3>{}</h3>").format(block.title) if block.title else ""
    if isinstance(block, Figure):
        return head + markupsafe.Markup("<figure>{}</figure>").format(
            markupsafe.Markup(_svg(block, name))
        )
    return head + markupsafe.Markup(_table(block, lang, env))


def _svg(figure: Figure, name: str) -> str:
    """The picture as SVG with outlined text: right on machines without the fonts."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        canvas = Canvas(figsize=figure.size, layout="constrained")
        ax = canvas.subplots()
        figure.draw(ax)
        widen(ax)
        out = io.StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    # Ids are unique in one file only; a page holds many.
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    return re.sub(r"url\(#", f"url(#{name}-", svg)


_ROWS = """<div class="scroll"><table><thead><tr>
{% for c in columns %}<th class="{{ c.css }}">{{ c.head }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>
{% for cell in row %}<td class="{{ cell[0] }}">{{ cell[1] }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if more %}<p class="more">{{ more }}</p>{% endif %}"""


def _table(table: Table, lang: str, env: jinja2.Environment) -> str:
    shown = table.frame.head(table.rows)
    kinds = {c: table.formats.get(str(c), _kind(shown[c])) for c in shown.columns}
    css = {c: "" if kinds[c] in ("text", "date") else "n" for c in shown.columns}
    columns = [{"head": _heading(table, c, lang), "css": css[c]} for c in shown.columns]
    cells = {c: [(css[c], _write(v, kinds[c])) for v in shown[c]] for c in shown.columns}
    left = len(table.frame) - len(shown)
    more = "" if left <= 0 else (f"另有 {left:,} 行" if lang == "zh" else f"{left:,} more rows")
    rows = list(zip(*cells.values(), strict=True))
    return env.from_string(_ROWS).render(columns=columns, rows=rows, more=more)


def _heading(table: Table, column: object, lang: str) -> str:
    """Words of a desk with a capital (but ``p``); the user's own column names as they are."""
    told = table.headings.get(str(column))
    if told is None:
        return column_word(column, lang)
    return told if told.startswith(("p ", "p（")) else told[:1].upper() + told[1:]


def _kind(series: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    if pd.api.types.is_bool_dtype(series.dtype) or not pd.api.types.is_numeric_dtype(series.dtype):
        return "text"
    return "int" if pd.api.types.is_integer_dtype(series.dtype) else "number"


def _write(value: Any, kind: str) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"
    if kind == "date":
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    if kind == "text" or isinstance(value, str):
        return str(value)
    if kind == "p":
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    formats = {"money": "{:z,.2f}", "int": "{:z,.0f}", "percent": "{:z.1%}", "number": "{:z,.3g}"}
    text = formats[kind].format(value)
    return f"{value:,.0f}" if kind == "number" and abs(value) >= 999.5 else text
