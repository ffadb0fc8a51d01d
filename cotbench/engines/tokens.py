"""A model's tokenizer and chat template from its files alone, without transformers: what engines without torch need.

It answers to what `ChatFormat` asks of a tokenizer. Reads tokenizer.json (all "fast" tokenizers have one),
tokenizer_config.json and chat_template.jinja, from a folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.errors import ModelError


class Encoding(NamedTuple):
    input_ids: list[int]


class FolderTokenizer:
    """Raises ModelError where the folder holds no tokenizer."""

    def __init__(self, folder: Path) -> None:
        import tokenizers

        self.folder = folder
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelError(
                f"--model {folder}: has no tokenizer.json.",
                "Copy tokenizer.json and tokenizer_config.json of the model into its folder.",
            )
        try:
            self.backend = tokenizers.Tokenizer.from_file(str(file))
            config = read_json(folder / "tokenizer_config.json")
        except Exception as error:
            raise ModelError(f"--model {folder}: its tokenizer can't be read: {error}") from None
        self.backend.no_padding()
        self.backend.no_truncation()
        file = folder / "chat_template.jinja"
        given = file.read_text(encoding="utf-8") if file.is_file() else config.get("chat_template")
        if isinstance(given, list):  # several templates
            given = next((template.get("template") for template in given if template.get("name") == "default"), None)
        self.chat_template = given if isinstance(given, str) else None
        named = {name: _text(config.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
        self.special = {name: token for name, token in named.items() if token is not None}
        self.added_tokens_decoder = self.backend.get_added_tokens_decoder()
        self.all_special_tokens = [token.content for token in self.added_tokens_decoder.values() if token.special]
        self.bos_token_id, self.eos_token_id = (
            self.backend.token_to_id(self.special[name]) if name in self.special else None
            for name in ("bos_token", "eos_token")
        )

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Encoding:
        return Encoding(self.backend.encode(text, add_special_tokens=add_special_tokens).ids)

    def token_ends(self, text: str) -> list[int]:
        """Where each token of a text ends."""
        return [end for _, end in self.backend.encode(text, add_special_tokens=False).offsets]

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        return str(self.backend.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def apply_chat_template(
        self, messages: Sequence[dict[str, str]], *, chat_template: str, tokenize: bool, **variables: Any
    ) -> str:
        """Render messages as transformers does: in a sandbox, blocks trimmed, with the special tokens by name, and
        without tools or documents. tokenize must be False."""
        assert not tokenize
        given = {**self.special, **variables}
        return str(_environment().from_string(chat_template).render(messages=messages, **given))


def _environment() -> Any:
    """What transformers gives a chat template: loop controls, the tag around what a model is trained on, the time, and
    the names of what there may be beside messages."""
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            inside = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(inside, lineno=line)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def written(value: Any, ensure_ascii: bool = False, indent: Any = None, **others: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **others)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.globals.update(tools=None, documents=None)
    environment.filters["tojson"] = written
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


def read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def _text(token: Any) -> str | None:
    """A special token stands there as a text, or as an object with one."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None
