"""What an error of a server concerns, one request or all of them, and what a run is told that it stops.

What a refusal of one field teaches is in `manners.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cotbench.engines import EngineConfig
from cotbench.engines.client import BadStatus, NoReply
from cotbench.engines.endpoint import KEY, Secrets, public_url
from cotbench.engines.manners import Lesson
from cotbench.engines.replies import known_reason
from cotbench.errors import ModelError

# Codes of errors, by their letters, that say that the output was refused; and those that say that nothing will be
# answered.
_REFUSED_CODES = frozenset(
    "contentfilter contentpolicyviolation responsibleaipolicyviolation moderationblocked datainspectionfailed "
    "prohibitedcontent".split()
)
_EXHAUSTED_CODES = frozenset("insufficientquota insufficientbalance billinghardlimitreached arrearage".split())
_MODERATED = re.compile(r"moderat|flagged|content (?:policy|filter)|safety", re.I)
_STOPPING = frozenset({401, 402, 404})  # statuses that concern all requests
_STOPPING_AT_FIRST = frozenset({403, 405, 410})  # ... where no request has been answered yet


def _letters(words: Iterable[str]) -> set[str]:
    return {re.sub(r"[\W_]+", "", word.casefold()) for word in words}


def is_refusal(error: BadStatus) -> bool:
    """Whether what was asked, or the answer to it, is against the server's rules."""
    if _letters(error.codes) & _REFUSED_CODES or known_reason(error.code) == "refused":
        return True
    return error.status == 403 and _MODERATED.search(error.words) is not None


def stops(error: BadStatus, lesson: Lesson | None, answered: bool) -> bool:
    """Whether an error concerns all requests, asked in whatever manner. lesson: what it teaches.
    answered: whether any request has been."""
    if is_refusal(error):
        return False
    if _letters(error.codes) & _EXHAUSTED_CODES:
        return True
    stopping = _STOPPING if answered else _STOPPING | _STOPPING_AT_FIRST
    return lesson is None and error.status in stopping


@dataclass(frozen=True, slots=True)
class Faults:
    """Makes the errors that stop a run on a server, without what may be a key."""

    url: str
    secrets: Secrets
    config: EngineConfig

    @property
    def _here(self) -> str:
        return public_url(self.url)

    def away(self, error: NoReply) -> ModelError:
        return ModelError(
            f"engine 'openai': can't reach {self._here}: {self.secrets.clean(error)}",
            error.remedy
            or "Start the server or correct --base-url (it usually ends in /v1); then run the same command again.",
        )

    def fatal(self, error: Exception) -> ModelError:
        status = error.status if isinstance(error, BadStatus) else 0
        if status in (401, 403):
            # A second model's server is sent no header of a user's.
            other = " (or --header, where the server takes another one)" if self.config.key_variable == KEY else ""
            return ModelError(
                f"engine 'openai': {self._here} refuses the key ({status}).",
                f"Set {self.config.key_variable} to a valid key{other}; then run the same command again.",
            )
        return ModelError(
            f"engine 'openai': {self._here} answers with {self.secrets.clean(error)}",
            "Check --model and --base-url; then run the same command again.",
        )

    def cant_do_without(self, name: str, error: BadStatus) -> ModelError:
        remedies = {
            "model": "Check --model.",
            **dict.fromkeys(("max_tokens", "max_completion_tokens"), "Choose another budget with --max-tokens."),
            **dict.fromkeys(self.config.extra_body, f"Correct {name} in --extra-body, or leave it out."),
            **dict.fromkeys(self.config.sampling_keys, f"Correct {name} in --gen-kwargs, or leave it out."),
        }
        return ModelError(
            f"engine 'openai': {self._here} refuses {name}: {self.secrets.clean(error, 300)}",
            f"{remedies.get(name, '')} Then run the same command again.".strip(),
        )
