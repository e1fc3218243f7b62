"""A provider of every wire family, strict about what it is sent.

Each family answers the same conversation in its own shape: `plain` says a sentence, `tools` calls two tools until
their results are there and then says what they were, `tangled` does so with streamed arguments that take turns (which
OpenAI's dialect alone can say), `threadless` does so but keeps no thread, `json` answers with an object, `vision` says
how many pictures it was shown, `error-N` fails with that status. The model's name decides.

Run as a program it prints one line of JSON, which says where it is and what it answers, and serves until its standard
input ends.
"""

import base64
import itertools
import json
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SENTENCE = ["Oslo ", "is ", "cold."]
THOUGHT = "Norway, winter."
SIGNATURE = "c2lnbmF0dXJl"
CALLS = [("weather", {"city": "Oslo"}), ("clock", {"zone": "Europe/Oslo"})]
OBJECT = '{"city":"Oslo","degrees":-3}'
INPUT, OUTPUT, CACHED = 23, 9, 4
STATUSES = [400, 401, 404, 429, 500, 503]
SCENES = ["plain", "tools", "tangled", "threadless", "vision", "thinking", "json"]
SCENES += [f"error-{status}" for status in STATUSES]

# A gateway in front of every family. The model `FAMILY-SCENE` is the scene of that family.
CADDYFILE = """
{
	default_bind 127.0.0.1
	grace_period 1s
}

http://:0 {
	ai_gateway {
		provider openai {
			kind novita
			base_url %(root)s/openai/v1
			api_key sk-openai
			%(once)s
		}
		provider anthropic {
			base_url %(root)s/anthropic
			api_key sk-anthropic
			%(once)s
		}
		provider gemini {
			base_url %(root)s/gemini
			api_key sk-gemini
			%(once)s
		}
		provider bedrock {
			base_url %(root)s/bedrock
			region us-east-1
			api_key sk-bedrock
			%(once)s
		}
		provider cohere {
			base_url %(root)s/cohere
			api_key sk-cohere
			%(once)s
		}
		provider ollama {
			base_url %(root)s/ollama
			%(once)s
		}
		%(models)s
		api_key caller {
			key %(key)s
			scopes *
		}
	}
}
"""
ONCE = "retry {\n\t\t\t\tattempts 1\n\t\t\t}\n\t\t\tcircuit_breaker off"


class Refused(Exception):
    """What a provider answers to a request it does not take."""

    def __init__(self, status, message, code=None):
        super().__init__(message)
        self.status = status
        self.code = code


def need(condition, message):
    if not condition:
        raise Refused(400, message)


def only(body, allowed, where):
    unknown = set(body) - set(allowed)
    need(not unknown, f"{where}: extra inputs are not permitted: {sorted(unknown)}")


def last_value(result):
    """What a tool said that answers with an object; some clients put its name before that."""
    return str(list(result.values())[-1])


class Turn:
    """What a request asks for, whatever its family."""

    def __init__(self, scene, stream, results, pictures, tools):
        self.scene = scene
        self.stream = stream
        self.results = results
        self.pictures = pictures
        self.tools = tools
        if scene.startswith("error-"):
            status = int(scene.removeprefix("error-"))
            raise Refused(status, f"as asked: {status}")

    @property
    def text(self):
        if self.scene == "json":
            return [OBJECT]
        if self.scene == "vision":
            return [f"{self.pictures} pictures"]
        if self.wants_tools:
            return ["It is ", " and ".join(self.results), "."]
        return SENTENCE

    @property
    def calls(self):
        """The calls of tools, until their results are there."""
        return CALLS if self.wants_tools and not self.results else []

    @property
    def wants_tools(self):
        return self.scene in ("tools", "tangled", "threadless")


# OpenAI chat

OPENAI = """model messages tools tool_choice parallel_tool_calls temperature top_p frequency_penalty presence_penalty
    seed stop n logprobs top_logprobs logit_bias max_tokens max_completion_tokens reasoning_effort response_format
    verbosity user safety_identifier service_tier metadata stream stream_options store prompt_cache_key modalities
    audio prediction web_search_options""".split()


def openai_turn(path, headers, body):
    # Ollama speaks this dialect beside its own, and asks for no key.
    if path != "/ollama/v1/chat/completions":
        need(path == "/openai/v1/chat/completions", f"no such path: {path}")
        need(headers.get("authorization") == "Bearer sk-openai", "no key")
    only(body, OPENAI, "body")
    results, pictures, called = [], 0, set()
    for message in body["messages"]:
        role = message["role"]
        need(role in ("system", "developer", "user", "assistant", "tool"), f"role {role}")
        if role == "assistant":
            for call in message.get("tool_calls") or []:
                need(set(call) <= {"id", "type", "function", "extra_content"}, f"call: {call}")
                json.loads(call["function"]["arguments"])
                called.add(call["id"])
        if role == "tool":
            need(message["tool_call_id"] in called, "a result without its call")
            results.append(message["content"] if isinstance(message["content"], str) else message["content"][0]["text"])
        if role == "user" and isinstance(message["content"], list):
            for part in message["content"]:
                need(part["type"] in ("text", "image_url", "input_audio", "file"), f"part {part['type']}")
                pictures += part["type"] == "image_url"
    for tool in body.get("tools", []):
        need(tool["type"] == "function" and tool["function"]["name"], "tool")
    if body.get("stream"):
        need(body.get("stream_options", {}).get("include_usage") is True, "usage must be asked for")
    return Turn(body["model"], bool(body.get("stream")), results, pictures, body.get("tools"))


def openai_usage():
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
    }


def openai_whole(turn):
    message = {"role": "assistant", "content": "".join(turn.text)}
    if turn.calls:
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for n, (name, arguments) in enumerate(turn.calls)
            ],
        }
    finish = "tool_calls" if turn.calls else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "upstream",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": openai_usage(),
    }


def openai_stream(turn):
    def chunk(delta, finish=None):
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "upstream",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            "usage": None,
        }

    yield chunk({"role": "assistant", "content": None if turn.calls else ""})
    if turn.calls:
        pieces = []
        for n, (name, arguments) in enumerate(turn.calls):
            head = {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": ""}}
            pieces.append((-1, head))
            text = json.dumps(arguments)
            for at in range(0, len(text), 7):
                pieces.append((at, {"index": n, "function": {"arguments": text[at : at + 7]}}))
        if turn.scene == "tangled":
            pieces.sort(key=lambda piece: piece[0])
        for _, piece in pieces:
            yield chunk({"tool_calls": [piece]})
    else:
        for word in turn.text:
            yield chunk({"content": word})
    yield chunk({}, "tool_calls" if turn.calls else "stop")
    yield {**chunk({}), "choices": [], "usage": openai_usage()}


# Anthropic Messages

ANTHROPIC = """model max_tokens messages system tools tool_choice stop_sequences stream temperature top_p top_k thinking
    output_config metadata service_tier cache_control container""".split()
THREADS_BETA = "message-threads-2026-08-12"
# What a thread holds, by the id of its last answer.
threads = {}
message_numbers = itertools.count(1)


def whole_conversation(headers, body):
    """The request without its thread, whose messages come first."""
    thread = body.get("thread")
    body = {name: value for name, value in body.items() if name != "thread"}
    if thread:
        if body["model"] == "threadless":
            raise Refused(400, "thread: not with this model", "thread_unsupported_request")
        need(THREADS_BETA in headers.get("anthropic-beta", "").split(","), "thread: needs its beta header")
        if thread["type"] == "continue":
            need(thread["previous_message_id"] in threads, "thread: not found")
            need(not {"system", "tools"} & set(body), "thread: keeps its system and tools")
            held = threads[thread["previous_message_id"]]
            body = {**held, **body, "messages": held["messages"] + body["messages"]}
    return body


def anthropic_turn(path, headers, body):
    need(path == "/anthropic/v1/messages", f"no such path: {path}")
    need(headers.get("x-api-key") == "sk-anthropic", "no key")
    need(headers.get("anthropic-version") in ("2023-06-01", "2026-10-21"), "anthropic-version")
    threaded = "thread" in body
    body = whole_conversation(headers, body)
    only(body, ANTHROPIC, "body")
    need(isinstance(body.get("max_tokens"), int), "max_tokens: field required")
    results, pictures, open_calls, before = [], 0, None, None
    for message in body["messages"]:
        role, content = message["role"], message["content"]
        only(message, ["role", "content"], "message")
        need(role in ("user", "assistant"), f"role {role}")
        need(before is not None or role == "user", "the first message must be the user's")
        before = role
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        need(blocks, "empty content")
        if open_calls is not None:
            answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
            need(role == "user" and answered == open_calls, "tool_use without its tool_result in the next message")
            kinds = [block["type"] == "tool_result" for block in blocks]
            need(kinds == sorted(kinds, reverse=True), "tool_result blocks must come first")
            open_calls = None
        calls = set()
        for block in blocks:
            kind = block["type"]
            if kind == "text":
                need(block["text"], "text content blocks must be non-empty")
            elif kind == "image":
                pictures += 1
                need(block["source"]["type"] in ("base64", "url"), "source")
            elif kind == "tool_use":
                need(isinstance(block["input"], dict), "input must be an object")
                calls.add(block["id"])
            elif kind == "tool_result":
                said = block["content"]
                results.append(said if isinstance(said, str) else "".join(part.get("text", "") for part in said))
            else:
                need(kind in ("thinking", "redacted_thinking", "document"), f"block {kind}")
        if calls:
            open_calls = calls
    for tool in body.get("tools", []):
        need(tool["input_schema"]["type"] == "object", "input_schema")
    turn = Turn(body["model"], bool(body.get("stream")), results, pictures, body.get("tools"))
    turn.id = f"msg_{next(message_numbers)}"
    if threaded:
        answer = {"role": "assistant", "content": list(anthropic_blocks(turn))}
        threads[turn.id] = {**body, "messages": [*body["messages"], answer]}
    return turn


def anthropic_usage():
    return {
        "input_tokens": INPUT - CACHED,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": 0,
        "output_tokens": OUTPUT,
    }


def anthropic_blocks(turn):
    if turn.scene == "thinking":
        yield {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    if turn.calls:
        for n, (name, arguments) in enumerate(turn.calls):
            yield {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": arguments}
    else:
        yield {"type": "text", "text": "".join(turn.text)}


def anthropic_whole(turn):
    return {
        "id": turn.id,
        "type": "message",
        "role": "assistant",
        "model": "upstream",
        "content": list(anthropic_blocks(turn)),
        "stop_reason": "tool_use" if turn.calls else "end_turn",
        "stop_sequence": None,
        "usage": anthropic_usage(),
    }


def anthropic_stream(turn):
    start = {**anthropic_whole(turn), "content": [], "stop_reason": None, "usage": {**anthropic_usage(), "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(anthropic_blocks(turn)):
        kind = block["type"]
        if kind == "tool_use":
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            text = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": text[at : at + 7]} for at in range(0, len(text), 7)]
        elif kind == "thinking":
            yield {"type": "content_block_start", "index": index, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
            deltas = [{"type": "text_delta", "text": word} for word in turn.text]
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if turn.calls else "end_turn"
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": OUTPUT}}
    yield {"type": "message_stop"}


# Gemini

GEMINI = "contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent labels".split()


def gemini_turn(path, headers, body):
    path, _, query = path.partition("?")
    need(path.startswith("/gemini/v1beta/models/"), f"no such path: {path}")
    model, _, verb = path.removeprefix("/gemini/v1beta/models/").partition(":")
    need(verb in ("generateContent", "streamGenerateContent"), f"no such verb: {verb}")
    need(verb == "generateContent" or query == "alt=sse", "alt=sse")
    need(headers.get("x-goog-api-key") == "sk-gemini", "no key")
    only(body, GEMINI, "body")
    results, pictures, open_calls = [], 0, None
    for content in body["contents"]:
        need(content["role"] in ("user", "model") and content["parts"], "content")
        calls, answers = [], []
        for part in content["parts"]:
            kind = set(part) - {"thought", "thoughtSignature"}
            need(len(kind) == 1, f"part: {part}")
            if "functionCall" in part:
                need(isinstance(part["functionCall"].get("args", {}), dict), "args")
                calls.append(part["functionCall"]["name"])
            elif "functionResponse" in part:
                answers.append(part["functionResponse"]["name"])
                results.append(last_value(part["functionResponse"]["response"]))
            elif "inlineData" in part:
                pictures += 1
                # Google takes both alphabets of base64.
                data = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
                base64.b64decode(data, validate=True)
        if open_calls is not None:
            need(answers == open_calls, f"calls {open_calls} answered by {answers}")
            open_calls = None
        if calls:
            open_calls = calls
    if "tools" in body:
        for tool in body["tools"]:
            for function in tool.get("functionDeclarations", []):
                need(function["name"], "name")
    return Turn(model, verb != "generateContent", results, pictures, body.get("tools"))


def gemini_usage():
    return {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": INPUT + OUTPUT,
    }


def gemini_chunk(parts, finish=None, usage=None):
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = usage or {"promptTokenCount": INPUT, "totalTokenCount": INPUT}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "upstream", "responseId": "r1"}


def gemini_calls(turn):
    return [{"functionCall": {"name": name, "args": arguments}} for name, arguments in turn.calls]


def gemini_whole(turn):
    parts = gemini_calls(turn) or [{"text": "".join(turn.text)}]
    return gemini_chunk(parts, "STOP", gemini_usage())


def gemini_stream(turn):
    if turn.calls:
        yield gemini_chunk(gemini_calls(turn))
    else:
        for word in turn.text:
            yield gemini_chunk([{"text": word}])
    yield gemini_chunk([{"text": ""}], "STOP", gemini_usage())


# Bedrock Converse

CONVERSE = """messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields
    additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier outputConfig promptVariables""".split()


def converse_turn(path, headers, body):
    need(path.startswith("/bedrock/model/"), f"no such path: {path}")
    model, _, verb = path.removeprefix("/bedrock/model/").rpartition("/")
    need(verb in ("converse", "converse-stream"), f"no such verb: {verb}")
    need(headers.get("authorization") == "Bearer sk-bedrock", "no key")
    only(body, CONVERSE, "body")
    results, pictures, open_calls, before = [], 0, None, None
    for message in body["messages"]:
        need(message["role"] in ("user", "assistant") and message["role"] != before, "roles must alternate")
        need(before is not None or message["role"] == "user", "the first message must be the user's")
        before = message["role"]
        calls, answered = set(), set()
        for block in message["content"]:
            need(len(block) == 1, f"block: {block}")
            if "text" in block:
                need(block["text"].strip(), "blank text")
            elif "image" in block:
                pictures += 1
                base64.b64decode(block["image"]["source"]["bytes"], validate=True)
            elif "toolUse" in block:
                need(isinstance(block["toolUse"]["input"], dict), "input")
                calls.add(block["toolUse"]["toolUseId"])
            elif "toolResult" in block:
                answered.add(block["toolResult"]["toolUseId"])
                for part in block["toolResult"]["content"]:
                    results.append(part["text"] if "text" in part else last_value(part["json"]))
        if open_calls is not None:
            need(answered == open_calls, "toolUse without its toolResult")
            open_calls = None
        if calls:
            open_calls = calls
            need("toolConfig" in body, "toolConfig must be defined")
    return Turn(model, verb == "converse-stream", results, pictures, body.get("toolConfig"))


def converse_usage():
    return {
        "inputTokens": INPUT - CACHED,
        "outputTokens": OUTPUT,
        "totalTokens": INPUT + OUTPUT,
        "cacheReadInputTokens": CACHED,
        "cacheWriteInputTokens": 0,
    }


def converse_whole(turn):
    content = [
        {"toolUse": {"toolUseId": f"tooluse_{n}", "name": name, "input": arguments}}
        for n, (name, arguments) in enumerate(turn.calls)
    ] or [{"text": "".join(turn.text)}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if turn.calls else "end_turn",
        "usage": converse_usage(),
        "metrics": {"latencyMs": 1},
    }


def converse_stream(turn):
    yield "messageStart", {"role": "assistant"}
    if turn.calls:
        for n, (name, arguments) in enumerate(turn.calls):
            start = {"toolUse": {"toolUseId": f"tooluse_{n}", "name": name}}
            yield "contentBlockStart", {"contentBlockIndex": n, "start": start}
            text = json.dumps(arguments)
            for at in range(0, len(text), 7):
                yield "contentBlockDelta", {"contentBlockIndex": n, "delta": {"toolUse": {"input": text[at : at + 7]}}}
            yield "contentBlockStop", {"contentBlockIndex": n}
    else:
        for word in turn.text:
            yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}, "p": "abcdef"}
        yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": "tool_use" if turn.calls else "end_turn"}
    yield "metadata", {"usage": converse_usage(), "metrics": {"latencyMs": 1}}


def event_frame(name, payload):
    """One message of AWS's event stream."""
    head = b""
    fields = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")]
    for field, value in fields:
        head += bytes([len(field)]) + field.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + body
    return message + struct.pack(">I", zlib.crc32(message))


# Cohere v2

COHERE = """model messages stream tools strict_tools documents citation_options response_format safety_mode max_tokens
    stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority""".split()


def cohere_turn(path, headers, body):
    need(path == "/cohere/v2/chat", f"no such path: {path}")
    need(headers.get("authorization") == "Bearer sk-cohere", "no key")
    only(body, COHERE, "body")
    results, pictures, called = [], 0, set()
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        need(role in ("system", "user", "assistant", "tool"), f"role {role}")
        for call in message.get("tool_calls") or []:
            json.loads(call["function"]["arguments"])
            called.add(call["id"])
        if role == "tool":
            need(message["tool_call_id"] in called, "a result without its call")
            if isinstance(content, str):
                results.append(content)
            else:
                for part in content:
                    results.append(part["text"] if part["type"] == "text" else str(part["document"]["data"]))
        if role == "user" and isinstance(content, list):
            pictures += sum(part["type"] == "image_url" for part in content)
    return Turn(body["model"], bool(body.get("stream")), results, pictures, body.get("tools"))


def cohere_usage():
    return {
        "billed_units": {"input_tokens": float(INPUT), "output_tokens": float(OUTPUT)},
        "tokens": {"input_tokens": float(INPUT), "output_tokens": float(OUTPUT)},
    }


def cohere_whole(turn):
    message = {"role": "assistant", "content": [{"type": "text", "text": "".join(turn.text)}]}
    if turn.calls:
        message = {
            "role": "assistant",
            "tool_plan": "I look it up.",
            "tool_calls": [
                {"id": f"{name}_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for n, (name, arguments) in enumerate(turn.calls)
            ],
        }
    finish = "TOOL_CALL" if turn.calls else "COMPLETE"
    return {"id": "c1", "finish_reason": finish, "message": message, "usage": cohere_usage()}


def cohere_stream(turn):
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"type": "message-start", "id": "c1", "delta": {"message": empty}}
    if turn.calls:
        yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look it up."}}}
        for n, (name, arguments) in enumerate(turn.calls):
            call = {"id": f"{name}_{n}", "type": "function", "function": {"name": name, "arguments": ""}}
            yield {"type": "tool-call-start", "index": n, "delta": {"message": {"tool_calls": call}}}
            text = json.dumps(arguments)
            for at in range(0, len(text), 7):
                piece = {"function": {"arguments": text[at : at + 7]}}
                yield {"type": "tool-call-delta", "index": n, "delta": {"message": {"tool_calls": piece}}}
            yield {"type": "tool-call-end", "index": n}
    else:
        yield {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}
        for word in turn.text:
            yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": word}}}}
        yield {"type": "content-end", "index": 0}
    finish = "TOOL_CALL" if turn.calls else "COMPLETE"
    yield {"type": "message-end", "delta": {"finish_reason": finish, "usage": cohere_usage()}}


# Ollama

OLLAMA = "model messages tools stream format options keep_alive think logprobs top_logprobs".split()


def ollama_turn(path, headers, body):
    need(path == "/ollama/api/chat", f"no such path: {path}")
    only(body, OLLAMA, "body")
    results, pictures = [], 0
    for message in body["messages"]:
        only(message, ["role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"], "message")
        need(isinstance(message.get("content", ""), str), "content must be a string")
        pictures += len(message.get("images", []))
        for call in message.get("tool_calls") or []:
            need(isinstance(call["function"]["arguments"], dict), "arguments must be an object")
        if message["role"] == "tool":
            results.append(message["content"])
    return Turn(body["model"], body.get("stream", True), results, pictures, body.get("tools"))


def ollama_line(message, done=False):
    line = {"model": "upstream", "created_at": "2026-11-20T00:00:00Z", "message": {"role": "assistant", **message}, "done": done}
    if done:
        line |= {"done_reason": "stop", "prompt_eval_count": INPUT, "eval_count": OUTPUT}
    return line


def ollama_calls(turn):
    return [{"function": {"name": name, "arguments": arguments}} for name, arguments in turn.calls]


def ollama_whole(turn):
    if turn.calls:
        return ollama_line({"content": "", "tool_calls": ollama_calls(turn)}, True)
    return ollama_line({"content": "".join(turn.text)}, True)


def ollama_stream(turn):
    if turn.calls:
        yield ollama_line({"content": "", "tool_calls": ollama_calls(turn)})
    else:
        for word in turn.text:
            yield ollama_line({"content": word})
    yield ollama_line({"content": ""}, True)


# The server

FAMILIES = {
    "openai": (openai_turn, openai_whole, openai_stream, "sse-done"),
    "anthropic": (anthropic_turn, anthropic_whole, anthropic_stream, "sse-named"),
    "gemini": (gemini_turn, gemini_whole, gemini_stream, "sse-crlf"),
    "bedrock": (converse_turn, converse_whole, converse_stream, "frames"),
    "cohere": (cohere_turn, cohere_whole, cohere_stream, "sse-named"),
    "ollama": (ollama_turn, ollama_whole, ollama_stream, "lines"),
}

TYPES = {"frames": "application/vnd.amazon.eventstream", "lines": "application/x-ndjson"}


def refusal(family, error):
    message = str(error)
    details = {"details": {"error_code": error.code}} if error.code else {}
    return {
        "openai": {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}},
        "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": message, **details}},
        "gemini": {"error": {"code": error.status, "message": message, "status": "INVALID_ARGUMENT"}},
        "bedrock": {"message": message},
        "cohere": {"message": message},
        "ollama": {"error": message},
    }[family]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is several small writes, each of which would wait for the one before it to be acknowledged.
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        family = "openai" if self.path.startswith("/ollama/v1/") else self.path.split("/")[1]
        read, whole, stream, framing = FAMILIES[family]
        try:
            asked = json.loads(body)
            self.server.received.append((family, self.path, asked))
            turn = read(self.path, {name.lower(): value for name, value in self.headers.items()}, asked)
            need(not turn.wants_tools or turn.tools, "no tools")
            need(turn.scene != "json" or "degrees" in json.dumps(asked), "no schema")
        except Refused as error:
            self.answer(error.status, refusal(family, error))
            return
        if not turn.stream:
            self.answer(200, whole(turn))
            return
        self.send_response(200)
        self.send_header("content-type", TYPES.get(framing, "text/event-stream"))
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in stream(turn):
            self.chunk(self.frame(framing, event))
        if framing == "sse-done":
            self.chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def frame(framing, event):
        if framing == "frames":
            return event_frame(*event)
        text = json.dumps(event)
        if framing == "lines":
            return text.encode() + b"\n"
        end = "\r\n\r\n" if framing == "sse-crlf" else "\n\n"
        name = f"event: {event['type']}\n" if framing == "sse-named" else ""
        return f"{name}data: {text}{end}".encode()

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if status == 429:
            self.send_header("retry-after", "0")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """The tests say what they need to."""


class Families:
    """Every family on one loopback port, each below a path of its own."""

    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.received = []
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def root(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def received(self):
        return self.server.received

    def caddyfile(self, key):
        """A gateway in front of the families, for a caller with that key."""
        models = [f"model {family}-{scene} -> {family}:{scene}" for family in FAMILIES for scene in SCENES]
        values = {"root": self.root, "once": ONCE, "models": "\n\t\t".join(models), "key": key}
        return CADDYFILE % values

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def main():
    families = Families()
    key = "caller-secret"
    facts = {
        "caddyfile": families.caddyfile(key),
        "key": key,
        "families": list(FAMILIES),
        "statuses": STATUSES,
        "text": "".join(SENTENCE),
        "calls": CALLS,
        "object": json.loads(OBJECT),
        "usage": [INPUT, OUTPUT],
        "thought": THOUGHT,
        "signature": SIGNATURE,
    }
    print(json.dumps(facts), flush=True)
    sys.stdin.read()
    families.close()


if __name__ == "__main__":
    main()
