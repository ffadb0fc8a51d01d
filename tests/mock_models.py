"""Models behind mock servers: each renders a chat, counts its tokens, and continues, thinks and files as it is told to.

    with MockServer(Hosted(continues="ignored").script) as server:
        ...

A model's answer to every question is the same; what differs is what a server makes of the request.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mock_server import Answer, Json, chat, completion, fault

THOUGHT = "Let me see what follows."
NEW_TURN = "What would you like to know next?"
END, HEADER = "<|end|>", "<|assistant|>"


@dataclass(frozen=True, kw_only=True)
class Hosted:
    """A server and its model.

    continues: what it makes of an assistant's last message: goes on where the two fields say so ("fields") or always;
    ignores the fields; refuses them, by the status in refusal; ends the message
    without a new header ("ends"), or leaves it out ("drops").
    thinks: "never", where the switch says so ("switch", on by default), or whatever that says ("always").
    files: a thought "apart" from the content, within it ("leaks"), or the answer with it as reasoning ("misfiles").
    likeliest: of how many tokens it tells the probabilities at the most; 0 refuses. counts: whether it tells usage.
    closes: its generation prompt holds an empty thought where it is told not to think, which a begun message lacks.
    splits: its template leaves out what looks like a thought in a message. switches: whether it takes the switch; it
    refuses it otherwise. efforts: whether it takes an effort. states: whether a visible reply states its answer.
    """

    continues: Literal["fields", "always", "ignored", "refused", "ends", "drops"] = "fields"
    refusal: int = 422
    thinks: Literal["never", "switch", "always"] = "never"
    files: Literal["apart", "leaks", "misfiles"] = "apart"
    likeliest: int = 20
    counts: bool = True
    closes: bool = False
    splits: bool = False
    switches: bool = True
    efforts: bool = True
    states: bool = True
    answer: str = "B"

    def script(self, path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        if path == "/v1/completions":
            # Plain text or tokens: it goes on from whatever stands at the end.
            begun = str(body["prompt"]).rstrip().endswith("Answer:")
            return completion(f" {self.answer}" if begun else self._visible())
        if self.continues == "refused" and "continue_final_message" in body:
            return fault("Extra inputs are not permitted: continue_final_message", self.refusal)
        if not self.switches and "chat_template_kwargs" in body:
            return fault("Unrecognized request argument supplied: chat_template_kwargs")
        if not self.efforts and "reasoning_effort" in body:
            return fault("Unrecognized request argument supplied: reasoning_effort")
        if body.get("logprobs") and body.get("top_logprobs", 0) > self.likeliest:
            return fault(f"top_logprobs must be at most {self.likeliest}")
        reply = self._reply(body)
        given = body.get("logprobs")
        for choice in reply["choices"]:
            if given:
                choice["logprobs"] = self._logprobs(body)
        prompt, written = len(re.findall(r"</?think>|[^\s<]+|<", self._rendered(body))), 7
        reply["usage"] = {"prompt_tokens": prompt, "completion_tokens": written} if self.counts else None
        return reply

    def _goes_on(self, body: Json) -> bool:
        return self.continues == "always" or (
            self.continues == "fields" and body.get("continue_final_message") is True
        )  # fmt: skip

    def _rendered(self, body: Json) -> str:
        """The prompt, of which words and marks are the tokens."""
        messages = [*body["messages"]]
        last = messages.pop() if messages[-1]["role"] == "assistant" else None
        text = " ".join(f"<|{m['role']}|> {m['content']} {END}" for m in messages)
        header = f"{HEADER} <think> </think>" if self.closes and self._off(body) else HEADER
        if last is None or self.continues == "drops":
            return f"{text} {header}"
        content = last["content"].split("</think>")[-1] if self.splits else last["content"]
        text = f"{text} {HEADER} {content}"
        if self._goes_on(body):
            return text
        if self.continues == "ends" and body.get("add_generation_prompt") is False:
            return f"{text} {END}"
        return f"{text} {END} {header}"

    @staticmethod
    def _off(body: Json) -> bool:
        return body.get("chat_template_kwargs", {}).get("enable_thinking") is False

    def _visible(self) -> str:
        return f"So it is.\nAnswer: {self.answer}" if self.states else "So it is."

    def _reply(self, body: Json) -> Json:
        last = body["messages"][-1]
        if last["role"] == "assistant":
            if not self._goes_on(body):
                return chat(NEW_TURN)
            rest = f" {self.answer}" if last["content"].endswith("Answer:") else self._visible()
            return chat(None, reasoning_content=rest) if self.files == "misfiles" else chat(rest)
        if self.thinks == "never" or (self.thinks == "switch" and self._off(body)):
            return chat(None, reasoning_content=self._visible()) if self.files == "misfiles" else chat(self._visible())
        if self.files == "leaks":
            return chat(f"<think>\n{THOUGHT}\n</think>\n\n{self._visible()}")
        if self.files == "misfiles":
            return chat(None, reasoning_content=f"{THOUGHT}\n{self._visible()}")
        return chat(self._visible(), reasoning_content=THOUGHT)

    def _logprobs(self, body: Json) -> Json:
        spaced = body["messages"][-1]["role"] == "assistant"
        shares = {self.answer: 0.6, "A": 0.3, "So": 0.05}
        top = [{"token": f" {word}" if spaced else word, "logprob": math.log(share)} for word, share in shares.items()][
            : body["top_logprobs"]
        ]
        return {"content": [{**top[0], "top_logprobs": top}]}
