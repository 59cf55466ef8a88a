"""The picture: each peer's speed relative to weft, on a logarithmic axis, as SVG."""

import math
from xml.sax.saxutils import escape

COLOURS = {"go": "#0891b2", "tokio": "#d97706", "asyncio": "#be185d", "epoll": "#6b7280"}
NAME_WIDTH = 230
PANEL_WIDTH = 420
PANEL_GAP = 40
ROW_HEIGHT = 20
TOP = 78
LOW, HIGH = 1 / 32, 4


def position(speed, left):
    share = math.log(min(max(speed, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return left + share * PANEL_WIDTH


def text(x, y, content, **style):
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(content)}</text>'


def line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def axis(left, bottom):
    speed = LOW
    while speed <= HIGH:
        x = position(speed, left)
        is_weft = speed == 1
        label = "weft" if is_weft else f"{speed:g}x" if speed > 1 else f"1/{1 / speed:g}"
        yield line(x, TOP - 6, x, bottom, "#111827" if is_weft else "#e5e7eb", 2 if is_weft else 1)
        yield text(x, TOP - 12, label, text_anchor="middle")
        speed *= 2


def dots(row, left, y):
    for name, value in row["peers"].items():
        if not value or not row["weft"]:
            continue
        speed = row["weft"] / value if row["better"] == "lower" else value / row["weft"]
        what = f"{name}: {value:.4g} {row['unit']}, weft: {row['weft']:.4g}"
        yield (f'<circle cx="{position(speed, left):.1f}" cy="{y:.1f}" r="5" '
               f'fill="{COLOURS[name]}"><title>{escape(what)}</title></circle>')
    for name in row["failed"]:
        if name == "weft":
            yield text(left + PANEL_WIDTH / 2, y + 4, "weft failed", text_anchor="middle")


def svg(rows):
    names = list(dict.fromkeys(row["scenario"] for row in rows))
    panels = sorted({row["workers"] for row in rows})
    bottom = TOP + ROW_HEIGHT * len(names) + 6
    width = NAME_WIDTH + len(panels) * (PANEL_WIDTH + PANEL_GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 34}" '
        'font-family="sans-serif" font-size="12" fill="#111827">',
        '<rect width="100%" height="100%" fill="white"/>',
        text(12, 22, "Compared with weft: left of the line is slower or larger", font_size=16),
    ]
    for i, name in enumerate(names):
        y = TOP + ROW_HEIGHT * (i + 0.5)
        parts.append(text(NAME_WIDTH - 18, y + 4, name, text_anchor="end"))
        parts.append(line(NAME_WIDTH, y, width - PANEL_GAP, y, "#f3f4f6"))
    for index, workers in enumerate(panels):
        left = NAME_WIDTH + index * (PANEL_WIDTH + PANEL_GAP)
        parts.append(text(left, 44, f"{workers} worker{'s' if workers > 1 else ''}", font_size=14))
        parts.extend(axis(left, bottom))
        for row in rows:
            if row["workers"] == workers:
                y = TOP + ROW_HEIGHT * (names.index(row["scenario"]) + 0.5)
                parts.extend(dots(row, left, y))
    for i, (name, colour) in enumerate(COLOURS.items()):
        x = NAME_WIDTH + 90 * i
        parts.append(f'<circle cx="{x}" cy="{bottom + 16}" r="5" fill="{colour}"/>')
        parts.append(text(x + 10, bottom + 20, name))
    return "\n".join([*parts, "</svg>"]) + "\n"
