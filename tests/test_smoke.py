"""The smallest check that the command is there and the main job works without network, data sets or a model."""

from __future__ import annotations

from conftest import Cli


def test_the_main_job_on_the_sample_task(cli: Cli) -> None:
    done = cli("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot")
    assert done.code == 0, done.err
    folder = done.out.splitlines()[-1]
    report = cli("report", folder)
    assert report.code == 0, report.err
    assert report.out.startswith("STUB, NOT A MODEL")


def test_bad_task_in_process(main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", "gsm8", "--mode", "cot")
    assert done.code == 2
    assert "gsm8k" in done.err
