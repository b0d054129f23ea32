"""Aligned text tables and Markdown tables from rows of strings."""

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def aligned(header: Sequence[str], rows: Rows, labels: int = 1) -> str:
    """Columns as wide as they need to be: the first `labels` to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if i < labels else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


def markdown(header: Sequence[str], rows: Rows, labels: int = 1) -> str:
    marks = ["---" if i < labels else "---:" for i in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, marks, *rows])


def count(value: float) -> str:
    return f"{value:,.0f}"


def ratio(value: float) -> str:
    """Two digits that count, whether it is 0.0042 or 12."""
    if value >= 9.95:
        return f"{value:,.0f}×"
    if value >= 0.1:
        return f"{value:.2f}×"
    return f"{value:.2g}×"


def mebibytes(value: float) -> str:
    return f"{value / 1024 / 1024:.1f} MiB"


def milliseconds(microseconds: float) -> str:
    value = microseconds / 1000
    return f"{value:.2f} ms" if value < 10 else f"{value:,.0f} ms"


def nanoseconds(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def figure(value: float) -> str:
    """Three digits that count, or all those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
