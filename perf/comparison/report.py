"""What was measured, as one JSON file for machines and one Markdown table for people."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time

from comparison.measures import tools

# Figures of which more is better; of all others less is.
_MORE_IS_BETTER = ("Gbit/s", "connections/s", "requests/s", "datagrams/s")
# Neither: they say how the load went, or what another figure is held against.
_NEUTRAL = ("errors", "lost of a million", "share of the core", "cipher s/GiB", "allowed s/GiB")


class Results:
    """Samples by measure, figure and subject, in the order they were taken."""

    def __init__(self, subjects, measures, options):
        self._subjects = subjects
        self._measures = measures
        self._samples = {}
        self.failures = []
        self._about = {
            "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "machine": machine(),
            "tools": tools(),
            "subjects": {subject.name: version_of(subject) for subject in subjects},
            "left out": options.left_out or "none",
            "command": " ".join(sys.argv),
            "rounds": options.rounds,
            "seconds": options.seconds,
        }

    def add(self, measure, subject, values) -> None:
        figures = self._samples.setdefault(measure.name, {})
        for figure, value in values.items():
            figures.setdefault(figure, {}).setdefault(subject.name, []).append(value)

    def fail(self, measure, subject, problem) -> None:
        self.failures.append(f"{measure.name}, {subject.name}: {problem!r}")

    def write(self, stem):
        """Writes both files; gives their paths."""
        with open(f"{stem}.json", "w") as file:
            json.dump(self.as_json(), file, indent=1)
            file.write("\n")
        with open(f"{stem}.md", "w") as file:
            file.write(self.markdown())
        return [f"{stem}.json", f"{stem}.md"]

    def charts(self) -> dict:
        """By figure: the measures that have it, each with the summary of every subject that has."""
        charts = {}
        for measure in self._measures:
            for figure, by_subject in self._samples.get(measure.name, {}).items():
                summaries = {name: summary(values) for name, values in by_subject.items()}
                charts.setdefault(figure, {})[measure.name] = summaries
        return charts

    def as_json(self):
        measures = []
        for measure in self._measures:
            figures = self._samples.get(measure.name, {})
            measures.append(
                {
                    "name": measure.name,
                    "question": measure.question,
                    "load": measure.command,
                    "figures": {
                        figure: {name: summary(values) for name, values in by_subject.items()}
                        for figure, by_subject in figures.items()
                    },
                }
            )
        return {**self._about, "failures": self.failures, "measures": measures}

    def markdown(self) -> str:
        names = [subject.name for subject in self._subjects]
        first, others = names[0], names[1:]
        lines = ["# Comparison", ""]
        lines += [f"- {key}: {text(value)}" for key, value in self._about.items()]
        lines += ["", "Median (lowest to highest); a ratio above 1 speaks for the first subject.", ""]
        head = ["measure", "figure", *names, *(f"{first} : {other}" for other in others)]
        lines += [row(head), row(["---"] * len(head))]
        for measure in self._measures:
            figures = self._samples.get(measure.name, {})
            for figure, by_subject in figures.items():
                if is_part(figure):
                    continue
                cells = [shown(by_subject.get(name)) + split(figures, figure, name) for name in names]
                ratios = [ratio(figure, by_subject.get(first), by_subject.get(o)) for o in others]
                lines.append(row([measure.name, figure, *cells, *ratios]))
        if self.failures:
            lines += ["", "Failed samples:", "", *(f"- {failure}" for failure in self.failures)]
        lines += ["", "Loads:", ""]
        lines += [f"- {measure.name}: `{measure.command}`" for measure in self._measures]
        return "\n".join(lines) + "\n"


def summary(values):
    return {
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
        "samples": values,
    }


def shown(values) -> str:
    if not values:
        return "–"
    return f"{number(statistics.median(values))} ({number(min(values))} to {number(max(values))})"


def is_part(figure) -> bool:
    """Is it the part of another figure that was spent in user space, or in the kernel?"""
    return figure.endswith((", user", ", system"))


def split(figures, figure, name) -> str:
    """Both parts of a figure in one cell with the whole, if it has any."""
    parts = []
    for part in ("user", "system"):
        values = figures.get(f"{figure}, {part}", {}).get(name)
        if values:
            parts.append(f"{part} {number(statistics.median(values))}")
    return f"; {', '.join(parts)}" if parts else ""


def number(value) -> str:
    """Four digits that count, never an exponent."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def ratio(figure, ours, theirs) -> str:
    """How many times better `ours` is; below one it is worse."""
    if not ours or not theirs or figure.startswith(_NEUTRAL):
        return "–"
    mine, other = statistics.median(ours), statistics.median(theirs)
    above, below = (mine, other) if figure.startswith(_MORE_IS_BETTER) else (other, mine)
    return f"{above / below:.2f}×" if below > 0 else "–"


def row(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def text(value) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {part}" for key, part in value.items())
    return str(value)


def machine() -> dict:
    model = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith(("model name", "Model")):
                model = line.partition(":")[2].strip()
                break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory": f"{pages >> 30} GiB",
        "kernel": f"{platform.release()} {platform.version()}",
        "load before": " ".join(f"{part:.2f}" for part in os.getloadavg()),
    }


def version_of(subject) -> str:
    done = subprocess.run(
        [subject.program.path, *subject.kind.version], capture_output=True, text=True, timeout=10
    )
    said = next(iter(done.stdout.splitlines()), "unknown version")
    return " ".join([said, *subject.program.arguments])
