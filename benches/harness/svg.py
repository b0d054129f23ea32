"""Line and bar charts as SVG text, with nothing but the standard library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = "Inter, 'Segoe UI', 'DejaVu Sans', sans-serif"
INK, MUTED, GRID, PAPER = "#1f2933", "#66727f", "#e4e8ec", "#ffffff"


@dataclass(frozen=True)
class Series:
    """One line, or one bar of each group: None where there is no figure."""

    name: str
    colour: str
    values: Sequence[float | None]
    dashed: bool = False
    emphasised: bool = False


class Drawing:
    def __init__(self, width: int, height: int, title: str, subtitle: str) -> None:
        self.width, self.height = width, height
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="13" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        ]
        self.text(24, 34, title, size=18, weight="600")
        self.text(24, 56, subtitle, colour=MUTED)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        colour: str = INK,
        size: int = 13,
        weight: str = "400",
        turn: int = 0,
    ) -> None:
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
            f' font-size="{size}" font-weight="{weight}"{turned}>{escape(text)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = GRID) -> None:
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
        )

    def polyline(self, points: Sequence[tuple[float, float]], series: Series) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = ' stroke-dasharray="7 5"' if series.dashed else ""
        colour, (width, radius) = series.colour, (4, 5.5) if series.emphasised else (2.25, 4)
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"'
            f' stroke-linejoin="round"{dashes}/>'
        )
        for x, y in points:
            self._parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" stroke="{PAPER}"'
                ' stroke-width="1.5"/>'
            )

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
            f' rx="2" fill="{colour}"/>'
        )

    def legend(self, x: float, y: float, series: Sequence[Series]) -> None:
        for each in series:
            self.bar(x, y - 10, 12, 12, each.colour)
            self.text(x + 18, y, each.name)
            x += 40 + 7.5 * len(each.name)

    def finish(self) -> str:
        return "\n".join([*self._parts, "</svg>", ""])


@dataclass(frozen=True)
class Scale:
    """Values to positions along one axis."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**exponent for exponent in range(first, last + 1)]
        step = linear_step(self.high)
        return [step * i for i in range(round(self.high / step) + 1)]


def linear_step(high: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives four to eight ticks."""
    power = 10 ** math.floor(math.log10(high / 4))
    return next(
        (m * power for m in (1, 2, 5) if high / (m * power) <= 8),
        10 * power,
    )


def linear_scale(values: Sequence[float], start: float, end: float) -> Scale:
    high = max(values) * 1.02
    step = linear_step(high)
    return Scale(0, math.ceil(high / step) * step, start, end)


def log_scale(values: Sequence[float], start: float, end: float) -> Scale:
    low = 10.0 ** math.floor(math.log10(min(values)))
    high = 10.0 ** math.ceil(math.log10(max(values)))
    return Scale(low, high if high > low else low * 10, start, end, logarithmic=True)


def spread(wanted: Sequence[float], gap: float, lowest: float) -> list[float]:
    """Label positions near the wanted ones, in ascending order, no two closer than `gap`."""
    placed: list[float] = []
    for position in wanted:
        placed.append(max(position, placed[-1] + gap) if placed else position)
    overflow = max(0.0, placed[-1] - lowest) if placed else 0.0
    for i in reversed(range(len(placed))):
        limit = placed[i] - overflow if i == len(placed) - 1 else placed[i + 1] - gap
        placed[i] = min(placed[i], limit)
    return placed


def short(value: float) -> str:
    """1500 as 1.5k: for axes."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def line_chart(
    title: str,
    subtitle: str,
    x_label: str,
    y_label: str,
    xs: Sequence[float],
    series: Sequence[Series],
    *,
    logarithmic: bool = False,
) -> str:
    """Lines over a logarithmic x axis, each named at its right-hand end."""
    drawing = Drawing(820, 460, title, subtitle)
    left, right, top, bottom = 84, 650, 84, 392
    values = [value for each in series for value in each.values if value is not None]
    x_at = Scale(min(xs), max(xs), left + 16, right - 16, logarithmic=True)
    y_at = (log_scale if logarithmic else linear_scale)(values, bottom, top)
    for tick in y_at.ticks():
        drawing.line(left, y_at(tick), right, y_at(tick))
        drawing.text(left - 10, y_at(tick) + 4, short(tick), anchor="end", colour=MUTED)
    for x in xs:
        drawing.line(x_at(x), bottom, x_at(x), bottom + 6, MUTED)
        drawing.text(x_at(x), bottom + 24, f"{x:,.0f}", anchor="middle", colour=MUTED)
    drawing.line(left, bottom, right, bottom, MUTED)
    drawing.text((left + right) / 2, bottom + 50, x_label, anchor="middle")
    drawing.text(24, (top + bottom) / 2, y_label, anchor="middle", turn=-90)
    ends = []
    for each in sorted(series, key=lambda one: one.emphasised):
        points = [
            (x_at(x), y_at(value))
            for x, value in zip(xs, each.values, strict=True)
            if value is not None
        ]
        if points:
            drawing.polyline(points, each)
            ends.append((points[-1][1], each))
    ends.sort(key=lambda end: end[0])
    for (_, each), y in zip(ends, spread([y for y, _ in ends], 19, bottom), strict=True):
        drawing.text(right + 8, y + 4, each.name, colour=each.colour, weight="600")
    return drawing.finish()


def bar_chart(
    title: str,
    subtitle: str,
    x_label: str,
    groups: Sequence[str],
    series: Sequence[Series],
    *,
    logarithmic: bool = False,
) -> str:
    """Groups of horizontal bars, one bar per series, each with its figure."""
    thickness, gap, left, right, top = 14, 16, 270, 800, 112
    pitch = thickness * len(series) + gap
    bottom = top + pitch * len(groups)
    drawing = Drawing(880, bottom + 70, title, subtitle)
    drawing.legend(left, 84, series)
    values = [value for each in series for value in each.values if value is not None]
    x_at = (log_scale if logarithmic else linear_scale)(values, left, right)
    for tick in x_at.ticks():
        drawing.line(x_at(tick), top - 8, x_at(tick), bottom)
        drawing.text(x_at(tick), bottom + 20, short(tick), anchor="middle", colour=MUTED)
    for row, group in enumerate(groups):
        y = top + row * pitch + gap / 2
        middle = y + thickness * len(series) / 2
        drawing.text(left - 12, middle + 4, group, anchor="end")
        for each in series:
            value = each.values[row]
            if value is not None:
                drawing.bar(left, y, x_at(value) - left, thickness - 2, each.colour)
                label = f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
                drawing.text(x_at(value) + 6, y + 10, label, colour=MUTED, size=11)
            y += thickness
    drawing.text((left + right) / 2, bottom + 50, x_label, anchor="middle")
    return drawing.finish()


def stacked_bar_chart(
    title: str, subtitle: str, x_label: str, groups: Sequence[str], series: Sequence[Series]
) -> str:
    """One horizontal bar per group, the series laid end to end, with the sum."""
    thickness, pitch, left, right, top = 30, 54, 270, 790, 112
    bottom = top + pitch * len(groups)
    drawing = Drawing(880, bottom + 70, title, subtitle)
    drawing.legend(left, 84, series)
    sums = [sum(each.values[row] or 0 for each in series) for row in range(len(groups))]
    x_at = linear_scale(sums, left, right)
    for tick in x_at.ticks():
        drawing.line(x_at(tick), top - 8, x_at(tick), bottom)
        drawing.text(x_at(tick), bottom + 20, short(tick), anchor="middle", colour=MUTED)
    for row, group in enumerate(groups):
        y = top + row * pitch + (pitch - thickness) / 2
        drawing.text(left - 12, y + thickness / 2 + 4, group, anchor="end")
        total = 0.0
        for each in series:
            value = each.values[row] or 0
            if value > 0:
                drawing.bar(
                    x_at(total), y, x_at(total + value) - x_at(total), thickness, each.colour
                )
            total += value
        drawing.text(x_at(total) + 8, y + thickness / 2 + 4, f"{total:,.1f}", weight="600")
    drawing.text((left + right) / 2, bottom + 50, x_label, anchor="middle")
    return drawing.finish()
