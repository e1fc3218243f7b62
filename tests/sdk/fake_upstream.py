"""An upstream that speaks OpenAI's API, from the standard library.

The model's name says what happens: `status-NNN` is answered with that status and an error envelope, anything else with
a good answer.
"""

import base64
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = ["Grüß ", "Gott, ", "Oslo ", "🌧"]
VECTOR = [0.5, -0.25, 0.125, 1.0]
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
RESPONSE_USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 18,
}


class FakeUpstream:
    """A server on a loopback port, at work from its construction to `close`."""

    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.requests = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    @property
    def requests(self):
        return self.server.requests

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        model = body["model"]
        if model.startswith("status-"):
            self.answer(int(model.removeprefix("status-")), error(model))
            return
        whole, events = {
            "/v1/chat/completions": (chat, chat_events),
            "/v1/completions": (completion, completion_events),
            "/v1/embeddings": (embeddings, None),
            "/v1/responses": (response, response_events),
        }[self.path]
        if body.get("stream"):
            self.stream(events(body))
        else:
            self.answer(200, whole(body))

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def error(model):
    return {
        "error": {"message": f"{model} on purpose", "type": "fake_error", "param": "messages", "code": "fake_code"}
    }


def chat(body):
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1790000001,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(WORDS), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def completion(body):
    return {
        "id": "cmpl-fake",
        "object": "text_completion",
        "created": 1790000001,
        "model": body["model"],
        "choices": [{"index": 0, "text": "".join(WORDS), "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def embeddings(body):
    vector = VECTOR
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": body["model"],
        "usage": {"prompt_tokens": 11, "total_tokens": 11},
    }


def response(body, status="completed"):
    message = {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "".join(WORDS), "annotations": []}],
    }
    done = status == "completed"
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1790000003,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": body["model"],
        "output": [message] if done else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": RESPONSE_USAGE if done else None,
    }


def chat_events(body):
    pieces = [{"role": "assistant", "content": WORDS[0]}] + [{"content": word} for word in WORDS[1:]]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in pieces]
    choices.append([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return chunks(body, "chat.completion.chunk", choices)


def completion_events(body):
    choices = [[{"index": 0, "text": word, "logprobs": None, "finish_reason": None}] for word in WORDS]
    choices.append([{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}])
    return chunks(body, "text_completion", choices)


def chunks(body, kind, choices):
    asked = (body.get("stream_options") or {}).get("include_usage")
    values = [{"choices": choice, "usage": None} for choice in choices]
    if asked:
        values.append({"choices": [], "usage": USAGE})
    for value in values:
        if not asked:
            del value["usage"]
        value.update(id="fake-stream", object=kind, created=1790000002, model=body["model"])
        yield f"data: {json.dumps(value)}\n\n"
    yield "data: [DONE]\n\n"


def response_events(body):
    part = {"type": "output_text", "text": "", "annotations": []}
    item = {"id": "msg_fake", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    place = {"item_id": "msg_fake", "output_index": 0, "content_index": 0}
    events = [
        ("response.created", {"response": response(body, "in_progress")}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", {**place, "part": part}),
        *[("response.output_text.delta", {**place, "delta": word, "logprobs": []}) for word in WORDS],
        ("response.completed", {"response": response(body)}),
    ]
    for number, (name, data) in enumerate(events):
        yield f"event: {name}\ndata: {json.dumps({'type': name, 'sequence_number': number, **data})}\n\n"
