"""Where the processor time of one program goes: samples of `perf record`, sorted into four kinds."""

import re
import subprocess
import threading
import time
from collections import Counter

KINDS = ("kernel copies", "kernel, the rest", "cryptography", "ours")

# A software clock: virtual machines rarely have the counters of their processor.
_EVENT = ("-e", "cpu-clock", "-F", "1999")
_SETTLE_SECONDS = 1
_LEAST_SAMPLES = 200
_COPIES = re.compile(r"^(_?copy_(to|from)_(iter|user)|copy_user|rep_movs|rep_stos|__memcpy|memcpy)")
# Our own rows, and those of BoringSSL.
_CRYPTOGRAPHY = re.compile(
    r"ferry::crypto::|aes|gcm|ghash|chacha|poly1305|sha1|sha256|sha512|md5|EVP_|CRYPTO_", re.IGNORECASE
)
# "  12.34%  binary  [.] symbol"
_LINE = re.compile(r"^\s*(\d+\.\d+)%\s+(\d+)\s+\[(.)\]\s+(.*\S)\s*$")


def kind_of(is_kernel, symbol) -> str:
    if is_kernel:
        return KINDS[0] if _COPIES.match(symbol) else KINDS[1]
    return KINDS[2] if _CRYPTOGRAPHY.search(symbol) else KINDS[3]


def sorted_samples(text):
    """The report of perf as {kind: samples} and, of what is ours, {symbol: samples}."""
    kinds, ours = Counter(), Counter()
    for line in text.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        samples, level, symbol = int(match[2]), match[3], match[4]
        kind = kind_of(level == "k", symbol)
        kinds[kind] += samples
        if kind == KINDS[3]:
            ours[symbol] += samples
    return kinds, ours


class Recorder(threading.Thread):
    """Records one program of a workplace while the load is on it.

    end   the program's name there: server, client or relay
    path  the file for perf's samples
    """

    def __init__(self, place, end, seconds, path):
        super().__init__(daemon=True)
        self._place = place
        self._end = end
        self._seconds = seconds
        self._path = path
        self.problem = "the load ended before the recording began"

    def run(self):
        deadline = time.monotonic() + self._seconds
        process = None
        while process is None and time.monotonic() < deadline:
            process = next((one for one in list(self._place.processes()) if one.name == self._end), None)
            time.sleep(0.01)
        if process is None:
            self.problem = f"there is no {self._end} in this measure"
            return
        time.sleep(_SETTLE_SECONDS)
        recorded = subprocess.run(
            ["perf", "record", "-q", *_EVENT, "-p", str(process.pid), "-o", self._path]
            + ["--", "sleep", str(max(1, self._seconds - 2 * _SETTLE_SECONDS))],
            capture_output=True,
            text=True,
        )
        self.problem = recorded.stderr.strip() if recorded.returncode else ""

    def result(self):
        """(kinds, ours), as from sorted_samples()."""
        self.join()
        if self.problem:
            raise ValueError(f"perf record: {self.problem}")
        report = subprocess.run(
            ["perf", "report", "-i", self._path, "--stdio", "-g", "none", "--no-children", "-n", "--sort", "sym"],
            capture_output=True,
            text=True,
            check=True,
        )
        kinds, ours = sorted_samples(report.stdout)
        if kinds.total() < _LEAST_SAMPLES:
            raise ValueError(f"{kinds.total()} samples are too few to say anything")
        return kinds, ours
