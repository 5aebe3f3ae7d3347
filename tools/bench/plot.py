"""Line charts as SVG, both axes logarithmic: enough for latencies and sizes, without a library."""
import html
import math

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 40, 50
COLOURS = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#566573", "#16a085"]


class Axis:
    """Maps values between the powers of ten around them onto a length."""

    def __init__(self, values, start, length):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.length = start, length

    def at(self, value):
        return self.start + self.length * (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self):
        return [10 ** power for power in range(self.low, self.high + 1)]


def label(value):
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def text(x, y, words, anchor="middle", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="sans-serif" font-size="12"{extra}>'
            f"{html.escape(words)}</text>")


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def chart(title, x_title, y_title, series):
    """series: {name: [(x, y), ...]}, all greater than 0. The chart as SVG text."""
    points = [point for line_points in series.values() for point in line_points]
    across = Axis([x for x, _ in points], LEFT, WIDTH - LEFT - RIGHT)
    up = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">',
             '<rect width="100%" height="100%" fill="white"/>', text(WIDTH / 2, 20, title)]
    for tick in across.ticks():
        parts += [line(across.at(tick), TOP, across.at(tick), HEIGHT - BOTTOM, "#ddd"),
                  text(across.at(tick), HEIGHT - BOTTOM + 18, label(tick))]
    for tick in up.ticks():
        parts += [line(LEFT, up.at(tick), WIDTH - RIGHT, up.at(tick), "#ddd"),
                  text(LEFT - 6, up.at(tick) + 4, label(tick), "end")]
    parts += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_title),
              text(16, HEIGHT / 2, y_title, extra=f' transform="rotate(-90 16 {HEIGHT / 2})"')]
    for number, (name, line_points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line_points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = TOP + 18 * number + 10
        parts += [line(WIDTH - RIGHT + 10, y, WIDTH - RIGHT + 30, y, colour),
                  text(WIDTH - RIGHT + 36, y + 4, name, "start")]
    return "\n".join(parts) + "\n</svg>\n"
