"""Looking around: `cotbench list`, `show-prompt` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cotbench.cli.shared import (
    ChatTemplateOption,
    DataDirOption,
    ExemplarsOption,
    FewshotOption,
    JsonOption,
    LimitOption,
    ModeOption,
    OutputDirOption,
    PromptsDirOption,
    SeedOption,
    TaskOption,
    TasksDirOption,
    TrustOption,
    absolute,
    app,
    guarded,
    stderr,
    stdout,
    stdout_json,
)
from cotbench.errors import CotbenchError, RunError, TaskError, UsageError


@app.command("list")
@guarded
def list_(
    what: Annotated[str, typer.Argument(help="tasks, modes, engines or runs.")],
    tasks_dir: TasksDirOption = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """List tasks, modes, engines or runs."""
    rows: list[dict[str, Any]]
    unreadable: list[CotbenchError] = []  # of single files: the others are listed all the same
    if what == "tasks":
        from cotbench.questions.tasks import find_task, list_task_files

        rows = []
        for name in list_task_files(tasks_dir):
            try:
                t = find_task(name, tasks_dir).task
            except TaskError as error:
                unreadable.append(error)
                continue
            rows.append(
                {
                    "task": t.name,
                    "questions": t.source.rows,
                    "answer": t.answer.type.value,
                    "source": t.source.dataset or t.source.file,
                    "licence": t.source.licence,
                    "about": t.about,
                }
            )
    elif what == "modes":
        from cotbench.modes import MODES

        rows = [
            {
                "mode": m.name,
                "templates": ", ".join(f"{name}.jinja" for name in m.templates),
                "max_tokens": m.max_tokens,
                "about": m.about,
            }
            for m in MODES.values()
        ]
    elif what == "engines":
        from cotbench.engines import ENGINES

        rows = [
            {"engine": e.name, "installed": "no" if e.missing() else "yes", "about": e.about} for e in ENGINES.values()
        ]
    elif what == "runs":
        from cotbench.store.lock import state_of
        from cotbench.store.lookup import list_runs
        from cotbench.store.manifest import read_manifest

        rows = []
        for folder in list_runs(output_dir):
            try:
                m = read_manifest(folder)
            except RunError as error:
                unreadable.append(error)
                continue
            rows.append(
                {
                    "run": m.run,
                    "status": state_of(folder, m),
                    "model": m.options["model"],
                    "tasks": ",".join(dict.fromkeys(task for task, _ in m.spec.pairs)),
                    "modes": ",".join(dict.fromkeys(mode for _, mode in m.spec.pairs)),
                    "answers": m.totals.get("records"),
                }
            )
    else:
        raise UsageError(f"list: there is no list of '{what}'.", "Use tasks, modes, engines or runs.")
    if as_json:
        stdout_json(rows)
    elif rows or not unreadable:
        from cotbench.terminal.tables import show_rows

        show_rows(rows, f"no {what}")
    for one in unreadable[:-1]:
        stderr(f"Error: {one}")
    if unreadable:
        raise unreadable[-1]


@app.command("show-prompt")
@guarded
def show_prompt(
    task: TaskOption = None,
    mode: ModeOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Render with this model's chat template (needs its tokenizer and the transformers package).",
            show_default=False,
        ),
    ] = None,
    question: Annotated[
        int, typer.Option("--question", min=1, metavar="<int>", help="Which question, counted from 1.")
    ] = 1,
    num_fewshot: FewshotOption = 0,
    exemplars: ExemplarsOption = "auto",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    chat_template: ChatTemplateOption = "auto",
    trust_remote_code: TrustOption = False,
    data_dir: DataDirOption = None,
    tasks_dir: TasksDirOption = None,
    prompts_dir: PromptsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what would be sent for a question: the messages, or with --model the text and its tokens."""
    from cotbench.cli import options
    from cotbench.engines.chat import plain_text
    from cotbench.run.prepare import RunOptions, make_plan

    tasks, modes = options.names(task or []), options.names(mode or [])
    if not tasks or not modes:
        raise UsageError(
            f"{'--task' if not tasks else '--mode'} is missing.", "As in: cotbench show-prompt --task mmlu --mode cot"
        )
    plan = make_plan(
        RunOptions(
            model=model or "stub",
            tasks=tasks,
            modes=modes,
            num_fewshot=num_fewshot,
            exemplars=exemplars,
            limit=limit,
            seed=seed,
            data_dir=absolute(data_dir),
            tasks_dir=absolute(tasks_dir),
            prompts_dir=absolute(prompts_dir),
        )
    )
    chat = None
    if model is not None:
        from cotbench.engines import EngineConfig
        from cotbench.engines.local import chat_format

        chat = chat_format(EngineConfig(model=model).path, chat_template, trust_remote_code=trust_remote_code)
    shown: list[dict[str, Any]] = []
    for (name, mode_name), kit in plan.kits.items():
        questions = plan.questions[name]
        if question > len(questions):
            raise UsageError(f"--question {question}: {name} has {len(questions)} questions here.")
        chosen = questions[question - 1]
        request = kit.first_request(chosen)
        row: dict[str, Any] = {
            "task": name,
            "mode": mode_name,
            "question": chosen.id,
            "request": request.hash,
            "sampling": request.sampling.as_dict(),
            "messages": [{"role": m.role, "text": m.text} for m in request.messages],
        }
        if chat is not None:
            text = chat.text(request)
            ids = chat.token_ids(text)
            row |= {"prompt": text, "token_ids": ids, "chat_template": chat.kind, "system_role": chat.system_role}
        elif chat_template == "none":
            row["prompt"] = plain_text(request.messages)
        shown.append(row)
    if as_json:
        stdout_json(shown)
        return
    for row in shown:
        sampling = row["sampling"]
        head = f"{row['task']} / {row['mode']}: {row['question']}, at most {sampling['max_tokens']} tokens, temperature {sampling['temperature']:g}"
        stdout(f"--- {head} ---")
        if "prompt" in row:
            stdout(row["prompt"])
            if "token_ids" in row:
                first = " ".join(map(str, row["token_ids"][:8]))
                stdout(
                    f"--- {len(row['token_ids'])} tokens, beginning {first}; chat template: {row['chat_template']}, system role: {row['system_role']} ---"
                )
        else:
            for message in row["messages"]:
                stdout(f"[{message['role']}]\n{message['text']}\n")


@app.command()
@guarded
def doctor(
    data_dir: DataDirOption = None, output_dir: OutputDirOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Say what works on this machine."""
    from dataclasses import asdict

    from cotbench.doctor import examine

    checks = examine(data_dir, output_dir)
    if as_json:
        stdout_json([asdict(check) for check in checks])
        return
    from cotbench.terminal.tables import show_checks

    show_checks(checks)
