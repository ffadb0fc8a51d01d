"""What a server wants otherwise than most: a table of lessons, each learnt from a refusal that names what is at fault.

A refusal is a status 400, 422, 500, 501 or 503 whose body says so in any form, or a 403, 404, 405 or 413 that names a
field of the request. The request is asked again in the manner that the lesson says, and once a request so asked has
been answered, all after it are asked that way. Lessons that change what was asked are told, in the manifest and the
report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cotbench.engines.chat import SWITCHES
from cotbench.engines.client import BadStatus
from cotbench.engines.confidence import LIKELIEST as LIKELIEST

REFUSING = frozenset({400, 422, 500, 501, 503})
# As a rule these are about the key, the model or the address, so a field must be named.
_REFUSING_BY_NAME = frozenset({403, 404, 405, 413})
SMALL_TEMPERATURE = 0.01  # for servers that take no 0: the likeliest token all but always

_OFF = (
    r"(?:un(?:supported|known|recogni|expected|able|permitted|available|accept)|not |n't |no |never |only "
    r"|extra|invalid|incorrect|illegal|forbid|must"
    r"|should|cannot|disallow|reject|deprecat|remove|disabl|positive|allowed values|range)"
)
_BUDGET = ("max_tokens", "max_completion_tokens")
# What hosts call the budget behind an interface of OpenAI's form.
_BUDGET_NAMES = (
    *_BUDGET,
    *"max_output_tokens max_new_tokens max_gen_len max_gen_toks max_tokens_to_sample max_generated_tokens".split(),
    *"maxTokens maxOutputTokens maxNewTokens maxCompletionTokens num_predict n_predict max_length".split(),
)
# A prompt that leaves no room: a fault of that request, whatever fields its message names.
_CONTEXT = r"context|prompt|input (?:tokens|length)|too many tokens|\bmessages\b.{0,40}\btokens"
_TOO_LARGE = r"too (?:large|high|big)|at most|maximum|less than|exceed|greater than|range|[<>]=?|up to|upper"
_PATHS = r"(?:choice|completion|candidate|generation|sequence|response|output|sample|answer)"
_ONE_OF_PATHS = (
    rf"(?:only|at most|exactly|just) (?:an? )?(?:one|1|single) {_PATHS}|(?:multiple|several|more than one) {_PATHS}"
)


def _says(words: str, pattern: str) -> bool:
    return re.search(pattern, words, re.I | re.S) is not None


def _about(*names: str) -> str:
    """The pattern of a text in which one of the names stands near a word of refusal, in either order."""
    name = rf"(?<![\w\\-])(?:{'|'.join(names)})(?![\w-])"
    return rf"{_OFF}.{{0,160}}?{name}|{name}.{{0,160}}?{_OFF}"


Body = dict[str, Any]
Change = Callable[[Body], Body]


def _without(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def _one_of_two(body: Body) -> Body:
    return _without("top_p")(body) if "temperature" in body else body


def _other_budget(body: Body) -> Body:
    if "messages" not in body or "max_tokens" not in body:
        return body
    return {"max_completion_tokens" if name == "max_tokens" else name: value for name, value in body.items()}


def _not_thinking(body: Body) -> Body:
    return {**body, "enable_thinking": False} if "messages" in body else body


def _without_switch(body: Body) -> Body:
    """Leave out our two names of the switch; what --extra-body put beside them stays."""
    given = body.get("chat_template_kwargs")
    if not isinstance(given, Mapping):
        return body
    left = {name: value for name, value in given.items() if name not in SWITCHES}
    return {**body, "chat_template_kwargs": left} if left else _without("chat_template_kwargs")(body)


def _without_none(body: Body) -> Body:
    """Leave out an effort that means not to think, which is a switch; other efforts were asked for by name."""
    return _without("reasoning_effort")(body) if body.get("reasoning_effort") == "none" else body


def _one_path(body: Body) -> Body:
    return {**body, "n": 1} if body.get("n", 1) > 1 else body


def _small_temperature(body: Body) -> Body:
    return {**body, "temperature": SMALL_TEMPERATURE} if body.get("temperature") == 0 else body


def _fewer_likeliest(most: int) -> Change:
    def change(body: Body) -> Body:
        # What chat calls top_logprobs is logprobs of plain text; there the first is a truth value.
        name = "top_logprobs" if "top_logprobs" in body else "logprobs"
        given = body.get(name)
        return {**body, name: most} if type(given) is int and given > most else body

    return change


def _as_text(body: Body) -> Body:
    """Only says that a prompt of token ids can be sent as text: who makes the body has the text."""
    return {**body, "prompt": ""} if isinstance(body.get("prompt"), list) else body


def _folded(body: Body) -> Body:
    messages = body.get("messages") or [{"role": ""}]
    if messages[0]["role"] != "system" or len(messages) < 2:
        return body
    system, first, *rest = messages
    return {**body, "messages": [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """fields: of the request, whose naming teaches it. words: the pattern of what a message says that teaches it.
    unless: of what it says that teaches otherwise.

    change: the body in the new manner; the lesson can be learnt where that differs. note: for the manifest. warning:
    where what was asked changes, for the report too. unnamed: whether it is tried, too, where a server says that some
    field is too much and not which. ours: whether it leaves out what is sent of our own accord only, as a model's card
    says: where the user asked for the field by name it can't be learnt.
    """

    name: str
    fields: tuple[str, ...] = ()
    words: str
    change: Change
    note: str = ""
    warning: str = ""
    unless: str = r"(?!)"  # nothing
    unnamed: bool = False
    ours: bool = False
    instead_of: str = ""


FOLD = "system role"
AS_TEXT = "prompt as text"
NO_IDS = "no token ids"
_FEWER = {10: "10 likeliest", 5: "5 likeliest"}
NO_SEED = "no seed"
NO_SWITCH = "no switch"
NO_EFFORT = "no effort none"
ONE_PATH = "one path"

LESSONS: Mapping[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson(
            name=AS_TEXT,
            fields=("prompt",),
            words=r"\bprompt\b.{0,160}\b(?:str|string|text|type)\b|\b(?:expected|must be|should be) (?:a )?(?:valid )?"
            r"(?:str|string)\b|token ids? (?:are|is)(?: not|n't)",
            unless=r"max_tokens|context length",
            change=_as_text,
            note="the server takes no token ids: prompts were sent as text, which it makes into tokens itself",
        ),
        Lesson(
            name=NO_IDS,
            fields=("return_token_ids",),
            words=_about("return_token_ids"),
            change=_without("return_token_ids"),
            note="the server tells no token ids: thoughts were told from answers by their marks in the text",
            unnamed=True,
        ),
        Lesson(
            name="no option tokens",
            fields=("logprob_token_ids", "return_tokens_as_token_ids"),
            words=_about("logprob_token_ids", "return_tokens_as_token_ids"),
            change=_without("logprob_token_ids", "return_tokens_as_token_ids"),
            note="the server tells the probabilities of the likeliest tokens only",
            unnamed=True,
        ),
        *(
            Lesson(
                name=_FEWER[most],
                fields=("top_logprobs", "logprobs"),
                words=_about("top_?logprobs", "logprobs?", "log probabilities"),
                change=_fewer_likeliest(most),
                note=f"the server tells the probabilities of the {most} likeliest tokens at the most",
                instead_of=instead_of,
            )
            for most, instead_of in ((10, ""), (5, _FEWER[10]))
        ),
        Lesson(
            name="one of two",
            words=r"(?=.*\btemperature\b)(?=.*\btop_?p\b)(?=.*(?:\bboth\b|only one|either|together|simultaneous"
            r"|one of|combin|same time|mutually))",
            unless=r"expected one of",  # a list of all fields that are known
            change=_one_of_two,
            warning="the server takes temperature or top_p and not both: top_p was not sent",
        ),
        Lesson(
            name="max_completion_tokens",
            fields=("max_tokens",),
            words=rf"max_completion_tokens|max_output_tokens|{_about('max_tokens')}",
            unless=_TOO_LARGE,
            change=_other_budget,
            note="the server takes the budget as max_completion_tokens",
        ),
        Lesson(
            name="told not to think",
            # As DashScope says of hybrid models, of whatever was asked.
            words=r"enable_thinking\b.{0,60}\bmust be\b.{0,20}\bfalse",
            change=_not_thinking,
            warning="the server answers in one piece only when it is told not to think: enable_thinking false "
            "was sent with all requests",
        ),
        Lesson(
            name=NO_SWITCH,
            fields=("chat_template_kwargs", *SWITCHES),
            words=_about("chat_template_kwargs", *SWITCHES),
            change=_without_switch,
            warning="the server doesn't take the switch that tells a hybrid model to think or not to think, so the "
            "model did as it does by default (--extra-body can send a switch of the server's own)",
            unnamed=True,
        ),
        Lesson(
            name=NO_EFFORT,
            fields=("reasoning_effort",),
            words=_about("reasoning_?effort", "reasoning.effort"),
            change=_without_none,
            warning="the server doesn't take reasoning_effort none, which tells the model not to think, so the model "
            "did as it does by default",
        ),
        Lesson(
            name="no effort",
            fields=("reasoning_effort",),
            words=_about("reasoning_?effort", "reasoning.effort"),
            change=_without("reasoning_effort"),
            warning="the server takes no reasoning_effort: a model that can't stop thinking was not told to think "
            "least",
            ours=True,
        ),
        *(
            Lesson(
                name=f"no {name}",
                fields=(name,),
                words=_about(name.replace("_", "_?")),
                change=_without(name),
                warning=f"the server refuses {name}, which the model's card names for thinking: it was not sent",
                unnamed=True,
                ours=True,
            )
            for name in ("top_k", "min_p", "repetition_penalty", "presence_penalty")
        ),
        Lesson(
            name=FOLD,
            fields=("role",),
            words=r"system (?:role|message|prompt|instruction)|developer (?:role|message|instruction)"
            r"|\broles?\b.*(?:alternat|support|system|user|assistant)|\binstructions? (?:is|are)(?: not|n't)"
            r"|(?:not|n't) (?:support|take|accept|allow) (?:system |developer )?instructions?\b"
            # A list of the roles that there are, or what a conversation begins with.
            r"|(?:should be|must be|expected|only|allowed)\W.{0,40}?\b(?:user\b.{0,12}\bassistant"
            r"|assistant\b.{0,12}\buser)\b|(?:first (?:message|turn)|conversations?) "
            r"(?:must|should|has to|have to|needs? to) (?:be|start|begin)\b.{0,20}\buser",
            change=_folded,
            note="the server takes no system message: it stands at the beginning of the first user turn",
        ),
        Lesson(
            name=NO_SEED,
            fields=("seed",),
            words=_about("seed", "random_seed"),
            change=_without("seed"),
            warning="the server takes no seed, so sampled paths can't be repeated",
            unnamed=True,
        ),
        Lesson(
            name=ONE_PATH,
            fields=("n",),
            # As DeepSeek says it: "Invalid n value (currently only n = 1 is supported)".
            words=r"""['"`$.]n['"`]|\bn (?:value|must|should|is)\b|\bn ?(?:=|>|!=|<=) ?1\b|body -> n\b"""
            rf"|parameters?:? n\b|\bn parameter|{_ONE_OF_PATHS}|number of {_PATHS}s",
            change=_one_path,
        ),
        Lesson(
            name="no n",
            instead_of=ONE_PATH,
            fields=("n",),
            words=_about("n", "candidate_?count", "num_return_sequences", rf"number of {_PATHS}s"),
            change=_without("n"),
            note="the server takes no n: paths are asked for one by one",
            unnamed=True,
        ),
        Lesson(
            name="no top_p",
            fields=("top_p",),
            words=_about("top_?p", "nucleus"),  # topP, too
            change=_without("top_p"),
            warning="the server refuses top_p: it was not sent, and the server chose it",
        ),
        Lesson(
            name="small temperature",
            words=r"temperature.{0,120}?(?:positive|greater than|above|more than|larger than|> ?0|>= ?0?\."
            r"|non-?zero|0\.0*1)",
            unless=r"only (?:the )?(?:default|1)|greater than or equal to 0(?!\.0*[1-9])",
            change=_small_temperature,
            warning=f"the server refuses temperature 0: greedy requests were sent temperature {SMALL_TEMPERATURE:g}",
        ),
        Lesson(
            name="no temperature",
            instead_of="small temperature",
            fields=("temperature",),
            words=_about("temperature"),
            change=_without("temperature"),
            warning="the server refuses the temperature that was asked for: none was sent, and the server chose it, "
            "so that answers meant to be greedy may be sampled",
        ),
        Lesson(
            name="no stop",
            fields=("stop",),
            words=_about(*"stop_?sequences?,stop sequences?,stop strings?,stop parameter,parameter:? stop".split(","))
            + r"|(?:argument|parameter|field|property)s?\b[^.]{0,60}\bstop(?![\w-])"
            r"|['\"`$.]stop['\"`]?(?![\w-])|body -> stop\b",
            change=_without("stop"),
            warning="the server refuses stop strings: none were sent, and outputs may run on",
        ),
    )
}

_UNNAMED = (
    r"extra (?:fields|inputs|parameter)|additional propert|un(?:known|recognized|recognised|expected|supported) "
    r"(?:\w+ )*(?:parameter|field|argument|key|name|propert)"
)


def likeliest_told(learnt: Collection[str]) -> int:
    """Of how many of the likeliest tokens a server is asked for the probabilities, in the manner that was learnt."""
    return min([most for most, lesson in _FEWER.items() if lesson in learnt], default=LIKELIEST)


def told(learnt: Collection[str]) -> list[Lesson]:
    """The lessons that are worth telling."""
    known = [lesson for name, lesson in LESSONS.items() if name in learnt]
    void = {lesson.instead_of for lesson in known}
    return [lesson for lesson in known if lesson.name not in void]


def lesson_of(
    error: BadStatus, body: Body, tried: Collection[str], users: Collection[str] = frozenset()
) -> Lesson | None:
    """What a refusal of this body teaches, if anything. tried: the names of lessons that have been tried. users: the
    fields that the user asked for by name."""
    by_name = error.status in _REFUSING_BY_NAME
    if error.status not in REFUSING and not by_name:
        return None
    # Where fields are named in a place of their own, words about others are beside the point.
    named = {name for name in error.named if name in body or name in SWITCHES or name == "role"}
    about = named - {"messages", "model"}
    untried = [
        lesson
        for lesson in LESSONS.values()
        if lesson.name not in tried
        and not (lesson.ours and set(lesson.fields) & set(users))
        and lesson.change(body) != body
    ]
    possible = [lesson for lesson in untried if not _says(error.words, lesson.unless)]
    for lesson in possible:
        if about & set(lesson.fields):
            return lesson
        if by_name and not _mentioned(error.words, lesson.fields):
            continue
        if (not about or not lesson.fields) and _says(error.words, lesson.words):
            return lesson
    if named or by_name:
        return None
    if error.status < 500 and not _says(error.words, _CONTEXT):
        # In whatever words and language: a refusal that names one field of ours, and no other, is about it.
        mentioned = _mentioned(error.words, _OWN_NAMES)
        if len(mentioned) == 1:
            return next((lesson for lesson in possible if mentioned & set(lesson.fields)), None)
    return next((lesson for lesson in untried if lesson.unnamed), None) if unnamed(error, body) else None


# Names that are no words of a sentence, or seldom: "stop" and "n" are.
_OWN_NAMES = ("temperature", "top_p", "seed", "chat_template_kwargs", "max_tokens")


def _mentioned(words: str, names: Collection[str]) -> set[str]:
    """Those of the names, longer than a letter, that stand in a text as words of their own."""
    return {
        name for name in names if len(name) > 1 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words, re.I)
    }


def unnamed(error: BadStatus, body: Body) -> bool:
    """Whether a server says that some field is too much, and not which."""
    names = [re.escape(name) for name in body if len(name) > 1 and name not in ("model", "messages", "prompt")]
    mentioned = re.search(rf"(?<![\w-])(?:{'|'.join(names)})(?![\w-])", error.words)
    return not mentioned and _says(error.words, _UNNAMED)


def indispensable(error: BadStatus, body: Body, users: frozenset[str]) -> str | None:
    """The field of a refused body that the refusal names and that can't be left out: the model, the budget, and what
    the user asked for."""
    if error.status not in REFUSING:
        return None
    codes = {code.casefold() for code in error.codes}
    if codes & {"model_not_found", "invalid_model", "model_not_supported", "unknown_model"} or error.named == {"model"}:
        return "model"
    for name in sorted(users):
        if name in error.named or _says(error.words, _about(re.escape(name))):
            return name
    if _says(error.words, _CONTEXT) or any("context" in code for code in codes):
        return None
    told = set(_BUDGET_NAMES) & error.named
    if _says(error.words, f"{_OFF}|{_TOO_LARGE}"):
        told |= _mentioned(error.words, _BUDGET_NAMES)
    ours = next((name for name in _BUDGET if name in body), None)
    # Under our other name it is about what it may be called.
    return ours if ours in told or told - set(_BUDGET) else None
