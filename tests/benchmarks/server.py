"""How close a run comes to what a server allows: cotbench, lm-evaluation-harness and Inspect against the same mock.

    python tests/benchmarks/server.py [--requests 2000] [--latency 0.2] [--slots 64] [--repeat 5]
        [--lm-eval PYTHON] [--inspect PYTHON]

The mock speaks as much of the OpenAI protocol as they need, answers each request after the latency, and works on at
most as many at once as it has slots; PYTHON is an interpreter that has the peer installed. They take turns, and so does
a bare loop over aiohttp that keeps nothing: what the machine and the mock allow. Printed are medians of what the server
saw (from the first request to the last reply, as a multiple of the ideal requests / slots * latency) and of the whole
command's wall and CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from harness import measured

REPLY = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "So it is.\nAnswer: 4"}}
        ],
        "usage": {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39},
    }
).encode()
MODELS = json.dumps(
    {"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "us"}]}
).encode()

INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

questions, url, slots, out = sys.argv[1:]
samples = [Sample(input=row["question"], target=row["answer"]) for row in map(json.loads, open(questions))]
model = get_model("openai-api/mock/m", base_url=url, api_key="none")
task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match(numeric=True))
eval(task, model=model, log_dir=out, display="none", max_samples=10**6, max_connections=int(slots))
"""


BARE = """
import asyncio, sys
import aiohttp
import orjson

questions, url, slots = sys.argv[1:]

async def run():
    gate = asyncio.Semaphore(int(slots))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def ask(question):
            body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": question}]})
            headers = {"Content-Type": "application/json"}
            async with gate, session.post(url + "/chat/completions", data=body, headers=headers) as response:
                return orjson.loads(await response.read())
        await asyncio.gather(*(ask(orjson.loads(line)["question"]) for line in open(questions)))

asyncio.run(run())
"""

LENGTH = re.compile(rb"content-length: *([0-9]+)", re.I)


class Mock:
    """Answers as leanly as asyncio allows: its own time counts against whoever is measured. seen: as for serve()."""

    def __init__(self, latency: float, slots: int, seen: Any) -> None:
        self._latency = latency
        self._free = slots
        self._waiting: deque[asyncio.Transport] = deque()
        self._seen = seen

    def asked(self, client: asyncio.Transport) -> None:
        if not self._seen[0]:
            self._seen[1] = time.time()
        self._seen[0] += 1
        if self._free:
            self._free -= 1
            asyncio.get_running_loop().call_later(self._latency, self._done, client)
        else:
            self._waiting.append(client)

    def _done(self, client: asyncio.Transport) -> None:
        send(client, REPLY)
        self._seen[2] = time.time()
        if self._waiting:
            asyncio.get_running_loop().call_later(self._latency, self._done, self._waiting.popleft())
        else:
            self._free += 1


class Connection(asyncio.Protocol):
    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._come = b""

    def connection_made(self, transport: Any) -> None:
        self._client = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        while True:
            head, end, rest = self._come.partition(b"\r\n\r\n")
            told = LENGTH.search(head)
            length = int(told[1]) if told else 0
            if not end or len(rest) < length:
                return
            self._come = rest[length:]
            if head.startswith(b"POST"):
                self._mock.asked(self._client)
            else:
                send(self._client, MODELS)


def send(client: asyncio.Transport, body: bytes) -> None:
    client.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def serve(latency: float, slots: int, port: Any, seen: Any) -> None:
    """seen: (requests, first arrival, last reply), reset by whoever reads it."""

    async def run() -> None:
        mock = Mock(latency, slots, seen)
        server = await asyncio.get_running_loop().create_server(lambda: Connection(mock), "127.0.0.1", 0, backlog=1024)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--lm-eval", help="a Python with lm_eval[api]")
    parser.add_argument("--inspect", help="a Python with inspect_ai")
    given = parser.parse_args()
    port, seen = multiprocessing.Value("i", 0), multiprocessing.Array("d", 3, lock=False)
    server = multiprocessing.Process(target=serve, args=(given.latency, given.slots, port, seen), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port.value}/v1"
    env = {
        **os.environ,
        "OPENAI_API_KEY": "none",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "NO_PROXY": "127.0.0.1",
    }

    def questions(folder: Path) -> Path:
        path = folder / "sums.jsonl"
        rows = ({"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(given.requests))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def ours(folder: Path) -> list[str]:
        return [
            sys.executable, "-m", "cotbench", "run", "--engine", "openai", "--base-url", url, "--model", "m", "--task",
            str(questions(folder)), "--mode", "cot", "-q", "--concurrency", str(given.slots), "-o", str(folder / "out"),
        ]  # fmt: skip

    def lm_eval(folder: Path) -> list[str]:
        task = {
            "task": "bench_http",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(questions(folder))}},
            "test_split": "test",
            "output_type": "generate_until",
            "doc_to_text": "{{question}}\nLet's think step by step.",
            "doc_to_target": "{{answer}}",
            "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": 2048},
            "filter_list": [
                {
                    "name": "answer",
                    "filter": [
                        {"function": "regex", "regex_pattern": r"Answer: (-?[0-9]+)"},
                        {"function": "take_first"},
                    ],
                }
            ],
            "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        }
        (folder / "task.yaml").write_text(yaml.safe_dump(task))
        arguments = (
            f"model=m,base_url={url}/chat/completions,num_concurrent={given.slots},max_retries=3,tokenized_requests="
            "False"
        )
        return [
            given.lm_eval, "-m", "lm_eval", "run", "--model", "local-chat-completions", "--model_args", arguments,
            "--tasks", "bench_http", "--include_path", str(folder), "--apply_chat_template", "--log_samples",
            "--output_path", str(folder / "out"),
        ]  # fmt: skip

    def inspect(folder: Path) -> list[str]:
        (folder / "job.py").write_text(INSPECT)
        return [given.inspect, "job.py", str(questions(folder)), url, str(given.slots), str(folder / "logs")]

    def bare(folder: Path) -> list[str]:
        (folder / "job.py").write_text(BARE)
        return [sys.executable, "job.py", str(questions(folder)), url, str(given.slots)]

    runners: dict[str, Callable[[Path], list[str]]] = {"cotbench": ours, "bare": bare}
    if given.lm_eval:
        runners["lm-eval"] = lm_eval
    if given.inspect:
        runners["inspect"] = inspect
    ideal = given.requests / given.slots * given.latency
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in runners}
    for _ in range(given.repeat):
        for name, runner in runners.items():
            with tempfile.TemporaryDirectory() as temporary:
                seen[:] = [0, 0, 0]
                cost = measured(runner(Path(temporary)), Path(temporary), env)
                if seen[0] < given.requests:
                    sys.exit(f"{name} sent {seen[0]:.0f} requests of {given.requests}")
                found[name].append((seen[2] - seen[1], cost.wall, cost.cpu))
    print(
        f"{given.requests} requests, {given.latency:g} s each, {given.slots} at once: ideal {ideal:.2f} s; "
        f"medians of {given.repeat}"
    )
    for name, rows in found.items():
        between, wall, cpu = (statistics.median(row[place] for row in rows) for place in range(3))
        print(
            f"{name:10} at the server {between:6.2f} s ({between / ideal:.3f} of ideal)  wall {wall:6.2f} s  cpu "
            f"{cpu:6.2f} s"
        )


if __name__ == "__main__":
    main()
