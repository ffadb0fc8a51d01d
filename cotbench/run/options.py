"""What a person can ask of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cotbench.engines import engine_of


@dataclass(kw_only=True)
class RunOptions:
    """What a person asked for. Everything here is JSON, so that a manifest can hold it and `--resume` start from it."""

    model: str
    tasks: list[str]
    modes: list[str]
    engine: str | None = None
    model_args: dict[str, Any] = field(default_factory=dict)
    gen_kwargs: dict[str, Any] = field(default_factory=dict)
    max_tokens: dict[str, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    num_fewshot: int = 0
    exemplars: str = "auto"
    limit: int | None = None
    seed: int = 0
    base_url: str | None = None
    concurrency: int = 64
    chat_template: str = "auto"
    thinking: str = "auto"
    extra_body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    trust_remote_code: bool = False
    allow_unsandboxed_code: bool = False
    program_limits: dict[str, float] = field(default_factory=dict)
    data_dir: str | None = None
    tasks_dir: str | None = None
    prompts_dir: str | None = None

    @property
    def engine_name(self) -> str:
        return self.engine or engine_of(self.model)
