"""How long `cotbench report` takes, and how soon its page can be used.

    COTBENCH_DATA=DIR python tests/benchmarks/report.py [--limit N] [--rounds 3] [--run FOLDER]

Makes a run of all four tasks under every mode with the stub (minutes, without --limit; --run takes one that is there),
reports it a few times in a process of its own, and opens the page in headless Chromium, if Selenium and Chromium are
there. Prints medians.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODES = "direct,cot,self-consistency,pal,plan-direct,plan-cot,plan-solver"


def cotbench(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "cotbench", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def opened(page: Path) -> tuple[float, list[float], list[float]]:
    """Seconds until the page is ready, and milliseconds of some filters, and of sorting by each header."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory() as profile:
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
            options.add_argument(word)
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            started = time.monotonic()
            driver.get(page.resolve().as_uri())
            while driver.execute_script("return document.documentElement.dataset.ready") != "true":
                time.sleep(0.02)
            ready = time.monotonic() - started
            filters = []
            for text in ("the", "percent", "zzz", "", "equation"):
                driver.execute_script(
                    "const f = document.getElementById('f-text'); f.value = arguments[0]; f.dispatchEvent(new "
                    "Event('input', {bubbles: true}))",
                    text,
                )
                time.sleep(0.6)
                filters.append(float(driver.execute_script("return document.documentElement.dataset.filterMs")))
            sorts = []
            driver.execute_script("for (const folded of document.querySelectorAll('details')) folded.open = true")
            for place in range(driver.execute_script("return document.querySelectorAll('button.sort').length")):
                driver.execute_script("document.querySelectorAll('button.sort')[arguments[0]].click()", place)
                sorts.append(float(driver.execute_script("return document.documentElement.dataset.sortMs")))
            return ready, filters, sorts
        finally:
            driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run
        if run is None:
            limit = ["--limit", arguments.limit] if arguments.limit else []
            cotbench(
                "run", "--model", "stub", "--task", "gsm8k,math,mmlu,logiqa", "--mode", MODES, *limit, "-o", folder
            )
            run = next(Path(folder).glob("stub-*"))
        target = Path(folder) / "report"
        walls = []
        for _ in range(arguments.rounds):
            started = time.monotonic()
            cotbench("report", run, "--to", target)
            walls.append(time.monotonic() - started)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = (target / "report.html").stat().st_size / 1e6
        print(f"report: {statistics.median(walls):.1f} s ({min(walls):.1f} to {max(walls):.1f}), peak {peak:,.0f} MB")
        try:
            seen = [opened(target / "report.html") for _ in range(arguments.rounds)]
        except ImportError:
            print(f"page: {size:.1f} MB (no Selenium, so it was not opened)")
            return
        filters = [ms for _, some, _ in seen for ms in some]
        sorts = [ms for *_, some in seen for ms in some]
        print(
            f"page: {size:.1f} MB, ready after {statistics.median(ready for ready, *_ in seen):.2f} s; "
            f"a filter takes {statistics.median(filters):.0f} ms, at most {max(filters):.0f}, "
            f"a sort {statistics.median(sorts):.0f} ms, at most {max(sorts):.0f}"
        )


if __name__ == "__main__":
    main()
