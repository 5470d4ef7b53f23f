"""One plot per figure, drawn by gnuplot (Debian: gnuplot-nox)."""

import re
import shutil
import subprocess

from comparison.report import is_part

_DRAW_SECONDS = 60
_MISSING = "?"
# Told apart by everybody, also those who see fewer colours (Okabe and Ito).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")

_SCRIPT = """\
set terminal svg size {width},{height} font "sans-serif,12" background "white" dynamic
set output "{path}"
set title "{title}" noenhanced
set style data histogram
set style histogram errorbars gap 1 linewidth 1
set style fill solid 0.85 noborder
set errorbars linecolor rgb "#333333"
set boxwidth 0.9
set datafile missing "{missing}"
set yrange [0:*]
set grid ytics back linetype 1 linecolor rgb "#dddddd"
set border 3
set tics nomirror
set xtics noenhanced
set key outside below horizontal noenhanced
$data << END
{rows}
END
plot {columns}
"""


def draw(charts, stem, tell) -> list[str]:
    """Draws every figure; gives the paths of the plots.

    charts  {figure: {measure: {subject: its summary}}}
    """
    if not shutil.which("gnuplot"):
        tell("no plots: gnuplot is not installed (Debian: gnuplot-nox)")
        return []
    paths = []
    for figure, by_measure in charts.items():
        # The parts of a figure are in the tables; "errors" is not a figure of anybody.
        if is_part(figure) or figure == "errors":
            continue
        path = f"{stem}-{slug(figure)}.svg"
        done = subprocess.run(
            ["gnuplot"],
            input=script(figure, by_measure, path),
            capture_output=True,
            text=True,
            timeout=_DRAW_SECONDS,
        )
        if done.returncode != 0:
            tell(f"no plot of {figure}: {done.stderr.strip()}")
            continue
        paths.append(path)
    return paths


def script(figure, by_measure, path) -> str:
    subjects = list(dict.fromkeys(name for summaries in by_measure.values() for name in summaries))
    rows = [row(measure, summaries, subjects) for measure, summaries in by_measure.items()]
    columns = []
    for index, name in enumerate(subjects):
        first = 2 + 3 * index
        labels = ":xtic(1)" if index == 0 else ""
        colour = _COLOURS[index % len(_COLOURS)]
        columns.append(
            f'$data using {first}:{first + 1}:{first + 2}{labels} title "{name}" linecolor rgb "{colour}"'
        )
    return _SCRIPT.format(
        width=width(by_measure, subjects),
        height=320,
        path=path,
        title=f"{figure}: median, lowest and highest",
        missing=_MISSING,
        rows="\n".join(rows),
        columns=", ".join(columns),
    )


def width(by_measure, subjects) -> int:
    """Wide enough for the bars, and for the names below them."""
    group = max(30 * (1 + len(subjects)), *(8 * len(measure) + 20 for measure in by_measure))
    return max(440, 100 + group * len(by_measure))


def row(measure, summaries, subjects) -> str:
    cells = [f'"{measure}"']
    for name in subjects:
        found = summaries.get(name)
        keys = ("median", "lowest", "highest")
        cells += [f"{found[key]:.6g}" for key in keys] if found else [_MISSING] * len(keys)
    return " ".join(cells)


def slug(figure) -> str:
    """A figure's name as a part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", figure.lower().replace("/", "-per-")).strip("-")
