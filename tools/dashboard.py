"""Draw the dashboard of a synthesized template with made-up figures: `python -m tools.dashboard TEMPLATE`, a page."""

from __future__ import annotations

import html
import json
import math
import sys
from pathlib import Path
from typing import Any

_CELL, _ROW = 58, 44
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf")


def main() -> None:
    """Print the page."""
    template = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    (dashboard,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::CloudWatch::Dashboard"]
    body = dashboard["Properties"]["DashboardBody"]
    text = body if isinstance(body, str) else "".join(p if isinstance(p, str) else "?" for p in body["Fn::Join"][1])
    shown = "".join(_widget(each) for each in json.loads(text)["widgets"])
    print(f"<!doctype html><meta charset=utf-8><body style='font:13px sans-serif;background:#f2f3f3'>{shown}")


def _widget(widget: dict[str, Any]) -> str:
    left, top = widget.get("x", 0) * _CELL, widget.get("y", 0) * _ROW
    width, height = widget["width"] * _CELL - 8, widget["height"] * _ROW - 8
    properties = widget["properties"]
    inner = (
        f"<div style='padding:8px;white-space:pre-wrap'>{html.escape(properties['markdown'])}</div>"
        if widget["type"] == "text"
        else _graph(properties, width, height)
    )
    place = f"position:absolute;left:{left}px;top:{top}px;width:{width}px;height:{height}px"
    return f"<div style='{place};background:#fff;border:1px solid #ccc;overflow:hidden'>{inner}</div>"


def _graph(properties: dict[str, Any], width: int, height: int) -> str:
    legend_right = properties.get("legend", {}).get("position") == "right"
    plot = width - (330 if legend_right else 20)
    rows, lines = [], []
    for index, metric in enumerate(properties["metrics"]):
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        colour = _COLOURS[index % len(_COLOURS)]
        points = " ".join(f"{10 + x * plot / 60:.0f},{_height(index, x, height):.0f}" for x in range(61))
        lines.append(f"<polyline points='{points}' fill=none stroke='{colour}' stroke-width=1.5 />")
        label = html.escape(str(options.get("label", metric[1])))
        rows.append(f"<div><span style='color:{colour}'>&#9632;</span> {label}</div>")
    limits = properties.get("annotations", {}).get("horizontal", [])
    mark = f"<line x1=10 x2={plot} y1=60 y2=60 stroke=red />"
    lines += [f"{mark}<text x=14 y=54 fill=red>{limit['label']}</text>" for limit in limits]
    axis = properties.get("yAxis", {}).get("left", {}).get("label", "")
    place = (
        f"position:absolute;right:6px;top:34px;width:{310}px"
        if legend_right
        else "position:absolute;right:12px;top:6px"
    )
    return (
        f"<b style='position:absolute;left:8px;top:6px'>{html.escape(properties['title'])}</b>"
        f"<span style='position:absolute;left:8px;top:24px;color:#777'>{html.escape(axis)}</span>"
        f"<svg width={plot + 10} height={height - 24} style='position:absolute;top:18px'>{''.join(lines)}</svg>"
        f"<div style='{place}'>{''.join(rows)}</div>"
    )


def _height(index: int, x: int, height: int) -> float:
    """A quiet line with a rare peak, or for the first of a graph a daily rhythm."""
    base = height - 40
    if index == 0:
        return base - 40 - 30 * math.sin(x / 6)
    return base - (40 if (x * 7 + index * 13) % 59 == 0 else 0) - index


if __name__ == "__main__":
    main()
