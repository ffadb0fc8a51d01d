"""An engine that says the same to everybody."""

from cotbench.engines import EngineConfig, EngineInfo, EngineRow
from cotbench.types import Completion, Key, Reply, Request


class ParrotEngine:
    """Says one sentence, at once."""

    capacity = 64

    def __init__(self, config: EngineConfig) -> None:
        self._words = str(config.model_args.get("words", "Answer: 4"))
        self._info = EngineInfo(engine="parrot", model=config.model, chat_template="server")
        self._waiting: list[tuple[Key, Request]] = []

    def submit(self, key: Key, request: Request) -> None:
        self._waiting.append((key, request))

    def poll(self) -> list[tuple[Key, Reply]]:
        done, self._waiting = self._waiting, []
        return [(key, self._reply(request)) for key, request in done]

    def _reply(self, request: Request) -> Reply:
        path = Completion(text=self._words, finish_reason="stop", completion_tokens=3)
        return Reply(completions=(path,) * request.sampling.n)

    def cancel(self) -> list[Key]:
        taken, self._waiting = [key for key, _ in self._waiting], []
        return taken

    def describe(self) -> EngineInfo:
        return self._info

    def preview(self, request: Request) -> str:
        return "\n".join(message.text for message in request.messages)

    def close(self) -> None:
        pass


PARROT = EngineRow("parrot", "ParrotEngine", "says the same to everybody: --model-args words='Answer: 4'")
