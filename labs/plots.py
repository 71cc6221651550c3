"""Plots for the back of a classroom, with or without colour: labels on the marks, patterns, dashes, units."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import plotly.graph_objects

go: Any = plotly.graph_objects

INK = "#1a1a1a"
FILLS = ("#1b4965", "#e07a1f", "#8fb8ca", "#6b705c")
PATTERNS = ("", "/", "x", ".")
DASHES = ("solid", "dash", "dot", "dashdot")
SIDES = ("bottom", "top")
MARKERS = ("circle", "diamond-open", "square", "x")


def bars(
    title: str, unit: str, groups: Sequence[str], series: Mapping[str, Sequence[float]], *, digits: int = 0,
    log: bool = False,
) -> Any:  # fmt: skip
    """Grouped bars, each with its value on it and its name below; `digits` after the point."""
    figure = go.Figure()
    for index, (name, values) in enumerate(series.items()):
        figure.add_bar(
            name=name, x=[list(groups), [name] * len(groups)], y=list(values), cliponaxis=False, showlegend=False,
            text=[f"{value:.{digits}f}" for value in values], textposition="outside", marker_color=FILLS[index % 4],
            marker_pattern_shape=PATTERNS[index % 4], marker_line={"color": INK, "width": 1},
        )  # fmt: skip
    _style(figure, title, unit).update_layout(barmode="overlay")
    if log:
        figure.update_yaxes(type="log", dtick=1)
    return figure


def timeline(title: str, loads: Mapping[str, Mapping[str, Any]], column: str, unit: str) -> Any:
    """One column of `series.json` over the whole run; each load is named where it is drawn, faults are shaded.

    `loads`: name -> {"begin_s", "windows", "broken"}; seconds count from the first load of the run.
    """
    figure = go.Figure()
    for index, (name, load) in enumerate(loads.items()):
        times = [load["begin_s"] + window["second"] for window in load["windows"]]
        values = [window[column] for window in load["windows"]]
        figure.add_scatter(
            name=name, x=times, y=values, mode="lines+markers", connectgaps=False, showlegend=False,
            line={"dash": DASHES[index % 4], "width": 3, "color": FILLS[index % 4]},
            marker={"symbol": MARKERS[index % 4], "size": 9},
        )  # fmt: skip
        figure.add_annotation(
            x=sum(times) / len(times), y=1.0, yref="paper", text=name.replace("_", " "), showarrow=False,
            yanchor="bottom", font={"size": 15, "color": INK},
        )  # fmt: skip
    return _style(figure, title, unit).update_xaxes(title_text="time (s)")


def curves(
    title: str, unit: str, series: Mapping[str, Sequence[tuple[float, float]]], dots: Collection[str] = ()
) -> Any:
    """Lines over the seconds of a run, each named at its end; those in `dots` are marks without a line. `series`:
    name -> pairs of seconds and a value.
    """
    figure = go.Figure()
    begin = min((at for points in series.values() for at, _ in points), default=0.0)
    for index, (name, points) in enumerate(series.items()):
        times, values = [at - begin for at, _ in points], [value for _, value in points]
        figure.add_scatter(
            name=name, x=times, y=values, mode="markers" if name in dots else "lines+markers", showlegend=False,
            line={"dash": DASHES[index % 4], "width": 3, "color": FILLS[index % 4]},
            marker={"symbol": MARKERS[index % 4], "size": 7},
        )  # fmt: skip
        if points:
            figure.add_annotation(
                x=times[-1], y=values[-1], text=name, showarrow=False, xanchor="right", yanchor=SIDES[index % 2],
                font={"size": 15, "color": INK},
            )  # fmt: skip
    return _style(figure, title, unit).update_xaxes(title_text="time (s)")


def shade(figure: Any, begin_s: float, end_s: float, label: str, line: int = 0) -> None:
    """Mark the interval of a fault; its label stands on that line from below."""
    figure.add_vrect(
        x0=begin_s, x1=end_s, fillcolor="#000000", opacity=0.08, line_width=1, annotation_text=label,
        annotation_position="bottom left", annotation_font_size=14, annotation_yshift=18 * line,
    )  # fmt: skip


def _style(figure: Any, title: str, unit: str) -> Any:
    figure.update_layout(
        title={"text": title, "font": {"size": 22}, "x": 0, "xanchor": "left"},
        template="simple_white",
        font={"size": 17, "color": INK, "family": "system-ui, sans-serif"},
        margin={"l": 80, "r": 30, "t": 90, "b": 70},
        height=440,
    )
    figure.update_yaxes(title_text=unit, showgrid=True, gridcolor="#dddddd", rangemode="tozero")
    return figure
