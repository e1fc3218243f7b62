"""The vendors' SDKs against the gateway, each in front of every wire family."""

import json
import sys
import unittest

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import cohere
import cohere.core.api_error
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

from families import CALLS, FAMILIES, INPUT, OUTPUT, SENTENCE, SIGNATURE, STATUSES, THOUGHT, Families
from gateway import Gateway

TEXT = "".join(SENTENCE)
RESULTS = {"weather": "-3 degrees", "clock": "noon"}
SAID = "It is -3 degrees and noon."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMAS = {
    name: {
        "type": "object",
        "properties": {key: {"type": "string"} for key in arguments},
        "required": list(arguments),
        "additionalProperties": False,
    }
    for name, arguments in CALLS
}
KEY = "caller-secret"

families = None
gateway = None


def setUpModule():
    global families, gateway
    families = Families()
    gateway = Gateway(families.caddyfile(KEY))


def tearDownModule():
    gateway.close()
    families.close()


def root():
    return gateway.base_url.removesuffix("/v1")


class Said:
    """What an answer says, whatever the SDK."""

    def __init__(self, text="", calls=(), finish=None, usage=None, raw=None):
        self.text = text
        self.calls = list(calls)
        self.finish = finish
        self.usage = usage
        self.raw = raw


class OpenAiChat:
    """openai: chat completions"""

    name = "openai-chat"
    finishes = ("stop", "tool_calls")

    def __init__(self):
        self.sdk = openai.OpenAI(api_key=KEY, base_url=gateway.base_url, max_retries=0)

    def start(self, text, picture=False):
        content = text
        if picture:
            url = {"url": f"data:image/png;base64,{PNG}"}
            content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]

    def tools(self):
        return [
            {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
            for name, schema in SCHEMAS.items()
        ]

    def ask(self, model, history, tools=None, stream=False):
        more = {"tools": tools} if tools else {}
        if not stream:
            answer = self.sdk.chat.completions.create(model=model, messages=history, max_tokens=200, **more)
            assert answer.model == model, answer.model
            return self.said(answer)
        with self.sdk.chat.completions.stream(
            model=model, messages=history, max_tokens=200, stream_options={"include_usage": True}, **more
        ) as events:
            for _ in events:
                pass
            return self.said(events.get_final_completion())

    def said(self, answer):
        choice = answer.choices[0]
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls or []]
        usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        return Said(choice.message.content or "", calls, choice.finish_reason, usage, choice.message)

    def answer_calls(self, history, said):
        message = said.raw.model_dump(exclude_none=True)
        for call in message["tool_calls"]:
            call["function"].pop("parsed_arguments", None)
            call.pop("index", None)
        message.pop("parsed", None)
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]}
            for call in said.raw.tool_calls
        ]
        return history + [message] + results

    errors = {
        400: openai.BadRequestError,
        401: openai.InternalServerError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        503: openai.InternalServerError,
    }


class OpenAiResponses:
    """openai: responses"""

    name = "openai-responses"
    finishes = ("completed", "completed")

    def __init__(self):
        self.sdk = openai.OpenAI(api_key=KEY, base_url=gateway.base_url, max_retries=0)

    def start(self, text, picture=False):
        content = [{"type": "input_text", "text": text}]
        if picture:
            content.append({"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"})
        return [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": content}]

    def tools(self):
        return [
            {"type": "function", "name": name, "description": name, "parameters": schema, "strict": True}
            for name, schema in SCHEMAS.items()
        ]

    def ask(self, model, history, tools=None, stream=False):
        more = {"tools": tools} if tools else {}
        if not stream:
            answer = self.sdk.responses.create(model=model, input=history, **more)
            assert answer.model == model, answer.model
            return self.said(answer)
        numbers, text = [], ""
        with self.sdk.responses.stream(model=model, input=history, **more) as events:
            for event in events:
                numbers.append(event.sequence_number)
                if event.type == "response.output_text.delta":
                    text += event.delta
            answer = self.said(events.get_final_response())
        assert numbers == list(range(len(numbers))), numbers
        assert text == answer.text, (text, answer.text)
        return answer

    def said(self, answer):
        calls = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
        usage = (answer.usage.input_tokens, answer.usage.output_tokens)
        return Said(answer.output_text, calls, answer.status, usage, answer)

    def answer_calls(self, history, said):
        items = [item for item in said.raw.output if item.type == "function_call"]
        replayed = [
            {"type": "function_call", "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
            for item in items
        ]
        results = [
            {"type": "function_call_output", "call_id": item.call_id, "output": RESULTS[item.name]} for item in items
        ]
        return history + replayed + results

    errors = OpenAiChat.errors


class Anthropic:
    """anthropic: messages"""

    name = "anthropic"
    finishes = ("end_turn", "tool_use")

    def __init__(self):
        self.sdk = anthropic.Anthropic(api_key=KEY, base_url=root(), max_retries=0)

    def start(self, text, picture=False):
        content = [{"type": "text", "text": text}]
        if picture:
            source = {"type": "base64", "media_type": "image/png", "data": PNG}
            content.append({"type": "image", "source": source})
        return [{"role": "user", "content": content}]

    def tools(self):
        return [{"name": name, "description": name, "input_schema": schema} for name, schema in SCHEMAS.items()]

    def ask(self, model, history, tools=None, stream=False):
        more = {"tools": tools} if tools else {}
        asked = {"model": model, "messages": history, "max_tokens": 200, "system": "Be brief.", **more}
        if not stream:
            answer = self.sdk.messages.create(**asked)
            assert answer.model == model, answer.model
            return self.said(answer)
        with self.sdk.messages.stream(**asked) as events:
            for _ in events:
                pass
            return self.said(events.get_final_message())

    def said(self, answer):
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
        usage = answer.usage
        prompt = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        return Said(text, calls, answer.stop_reason, (prompt, usage.output_tokens), answer)

    def answer_calls(self, history, said):
        blocks = [block.model_dump(exclude_none=True) for block in said.raw.content]
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}
            for block in said.raw.content
            if block.type == "tool_use"
        ]
        return history + [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]

    errors = {
        400: anthropic.BadRequestError,
        401: anthropic.InternalServerError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        503: anthropic.InternalServerError,
    }


class Gemini:
    """google-genai: generate_content"""

    name = "google-genai"
    finishes = ("STOP", "STOP")

    def __init__(self):
        options = genai_types.HttpOptions(base_url=root(), api_version="v1beta")
        self.sdk = genai.Client(api_key=KEY, http_options=options)

    def start(self, text, picture=False):
        parts = [genai_types.Part(text=text)]
        if picture:
            blob = genai_types.Blob(mime_type="image/png", data=PNG)
            parts.append(genai_types.Part(inline_data=blob))
        return [genai_types.Content(role="user", parts=parts)]

    def tools(self):
        functions = [
            genai_types.FunctionDeclaration(name=name, description=name, parameters_json_schema=schema)
            for name, schema in SCHEMAS.items()
        ]
        return [genai_types.Tool(function_declarations=functions)]

    def ask(self, model, history, tools=None, stream=False):
        automatic = genai_types.AutomaticFunctionCallingConfig(disable=True)
        config = genai_types.GenerateContentConfig(
            system_instruction="Be brief.", max_output_tokens=200, tools=tools, automatic_function_calling=automatic
        )
        if not stream:
            answers = [self.sdk.models.generate_content(model=model, contents=history, config=config)]
            assert answers[0].model_version == model, answers[0].model_version
        else:
            answers = list(self.sdk.models.generate_content_stream(model=model, contents=history, config=config))
        parts = [part for answer in answers for part in (answer.candidates[0].content.parts or [] if answer.candidates and answer.candidates[0].content else [])]
        text = "".join(part.text or "" for part in parts if not part.thought)
        calls = [(part.function_call.name, part.function_call.args) for part in parts if part.function_call]
        finish = [answer.candidates[0].finish_reason for answer in answers if answer.candidates and answer.candidates[0].finish_reason]
        usage = answers[-1].usage_metadata
        produced = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return Said(text, calls, finish[-1].value, (usage.prompt_token_count, produced), parts)

    def answer_calls(self, history, said):
        calls = [part.function_call for part in said.raw if part.function_call]
        answers = [
            genai_types.Part(
                function_response=genai_types.FunctionResponse(
                    id=call.id, name=call.name, response={"result": RESULTS[call.name]}
                )
            )
            for call in calls
        ]
        asked = genai_types.Content(role="model", parts=[part for part in said.raw if part.function_call])
        return history + [asked, genai_types.Content(role="user", parts=answers)]

    errors = {
        400: genai_errors.ClientError,
        401: genai_errors.ServerError,
        404: genai_errors.ClientError,
        429: genai_errors.ClientError,
        500: genai_errors.ServerError,
        503: genai_errors.ServerError,
    }


class Bedrock:
    """boto3: converse"""

    name = "boto3"
    finishes = ("end_turn", "tool_use")

    def __init__(self):
        # The key travels as the public half of the pair that signs.
        self.sdk = boto3.client(
            "bedrock-runtime",
            endpoint_url=root(),
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key="unused",
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )

    def start(self, text, picture=False):
        import base64

        content = [{"text": text}]
        if picture:
            content.append({"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}})
        return [{"role": "user", "content": content}]

    def tools(self):
        specs = [
            {"toolSpec": {"name": name, "description": name, "inputSchema": {"json": schema}}}
            for name, schema in SCHEMAS.items()
        ]
        return {"tools": specs}

    def ask(self, model, history, tools=None, stream=False):
        more = {"toolConfig": tools} if tools else {}
        asked = {
            "modelId": model,
            "messages": history,
            "system": [{"text": "Be brief."}],
            "inferenceConfig": {"maxTokens": 200},
            **more,
        }
        if not stream:
            answer = self.sdk.converse(**asked)
            return self.said(answer["output"]["message"]["content"], answer["stopReason"], answer["usage"])
        blocks, finish, usage = {}, None, None
        for event in self.sdk.converse_stream(**asked)["stream"]:
            if "contentBlockStart" in event:
                start = event["contentBlockStart"]
                blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
            elif "contentBlockDelta" in event:
                index, delta = event["contentBlockDelta"]["contentBlockIndex"], event["contentBlockDelta"]["delta"]
                if "text" in delta:
                    blocks.setdefault(index, {"text": ""})["text"] += delta["text"]
                elif "toolUse" in delta:
                    blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
            elif "messageStop" in event:
                finish = event["messageStop"]["stopReason"]
            elif "metadata" in event:
                usage = event["metadata"]["usage"]
        content = [blocks[index] for index in sorted(blocks)]
        for block in content:
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
        return self.said(content, finish, usage)

    def said(self, content, finish, usage):
        text = "".join(block.get("text", "") for block in content)
        calls = [(block["toolUse"]["name"], block["toolUse"]["input"]) for block in content if "toolUse" in block]
        prompt = usage["inputTokens"] + usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
        return Said(text, calls, finish, (prompt, usage["outputTokens"]), content)

    def answer_calls(self, history, said):
        calls = [block["toolUse"] for block in said.raw if "toolUse" in block]
        results = [
            {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": RESULTS[call["name"]]}]}}
            for call in calls
        ]
        asked = [block for block in said.raw if "toolUse" in block or block.get("text")]
        return history + [{"role": "assistant", "content": asked}, {"role": "user", "content": results}]

    errors = {
        400: "ValidationException",
        401: None,
        404: "ResourceNotFoundException",
        429: "ThrottlingException",
        500: None,
        503: "ServiceUnavailableException",
    }


class Cohere:
    """cohere: chat"""

    name = "cohere"
    finishes = ("COMPLETE", "TOOL_CALL")

    def __init__(self):
        self.sdk = cohere.ClientV2(api_key=KEY, base_url=root())

    def start(self, text, picture=False):
        content = text
        if picture:
            url = {"url": f"data:image/png;base64,{PNG}"}
            content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]

    tools = OpenAiChat.tools

    def ask(self, model, history, tools=None, stream=False):
        more = {"tools": tools} if tools else {}
        once = {"max_retries": 0}
        asked = {"model": model, "messages": history, "max_tokens": 200, "request_options": once, **more}
        if not stream:
            answer = self.sdk.chat(**asked)
            message, calls = answer.message, answer.message.tool_calls or []
            text = "".join(part.text for part in message.content or [] if part.type == "text")
            return self.said(text, [(c.id, c.function.name, c.function.arguments) for c in calls], answer.finish_reason, answer.usage)
        text, calls, finish, usage = "", [], None, None
        for event in self.sdk.chat_stream(**asked):
            if event.type == "content-delta":
                text += event.delta.message.content.text or ""
            elif event.type == "tool-call-start":
                call = event.delta.message.tool_calls
                calls.append([call.id, call.function.name, call.function.arguments or ""])
            elif event.type == "tool-call-delta":
                calls[-1][2] += event.delta.message.tool_calls.function.arguments
            elif event.type == "message-end":
                finish, usage = event.delta.finish_reason, event.delta.usage
        return self.said(text, calls, finish, usage)

    def said(self, text, calls, finish, usage):
        parsed = [(name, json.loads(arguments)) for _, name, arguments in calls]
        counts = (int(usage.tokens.input_tokens), int(usage.tokens.output_tokens))
        return Said(text, parsed, finish, counts, calls)

    def answer_calls(self, history, said):
        asked = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in said.raw
        ]
        results = [
            {"role": "tool", "tool_call_id": id, "content": RESULTS[name]} for id, name, _ in said.raw
        ]
        return history + [{"role": "assistant", "tool_calls": asked}] + results

    errors = {
        400: cohere.BadRequestError,
        401: cohere.core.api_error.ApiError,
        404: cohere.NotFoundError,
        429: cohere.TooManyRequestsError,
        500: cohere.core.api_error.ApiError,
        503: cohere.ServiceUnavailableError,
    }


CLIENTS = [OpenAiChat, OpenAiResponses, Anthropic, Gemini, Bedrock, Cohere]


class EverySdk(unittest.TestCase):
    """Each SDK in front of each family."""

    maxDiff = None

    def each(self, check):
        for make in CLIENTS:
            client = make()
            for family in FAMILIES:
                for stream in (False, True):
                    with self.subTest(client=client.name, family=family, stream=stream):
                        check(client, family, stream)

    def check_usage(self, said):
        self.assertEqual(said.usage, (INPUT, OUTPUT))

    def test_text(self):
        def check(client, family, stream):
            said = client.ask(f"{family}-plain", client.start("How is Oslo?"), stream=stream)
            self.assertEqual((said.text, said.calls, said.finish), (TEXT, [], client.finishes[0]))
            self.check_usage(said)

        self.each(check)

    def test_a_loop_of_tools(self):
        def check(client, family, stream):
            self.check_tools(client, f"{family}-tools", stream)

        self.each(check)

    def test_arguments_that_take_turns(self):
        for make in CLIENTS:
            client = make()
            with self.subTest(client=client.name):
                self.check_tools(client, "openai-tangled", stream=True)

    def check_tools(self, client, model, stream):
        tools = client.tools()
        history = client.start("How is Oslo, and what time is it?")
        said = client.ask(model, history, tools, stream)
        self.assertEqual((said.calls, said.finish), (CALLS, client.finishes[1]))
        said = client.ask(model, client.answer_calls(history, said), tools, stream)
        # Google's results are objects, which other models read as JSON.
        text = said.text.replace('{"result":"', "").replace('"}', "")
        self.assertEqual((text, said.finish), (SAID, client.finishes[0]))

    def test_pictures(self):
        def check(client, family, stream):
            said = client.ask(f"{family}-vision", client.start("How many?", picture=True), stream=stream)
            self.assertEqual(said.text, "1 pictures")

        self.each(check)

    def test_errors_are_of_the_proper_class(self):
        def check(client, family, stream):
            for status in STATUSES:
                expected = client.errors[status]
                with self.subTest(status=status):
                    if isinstance(client, Bedrock):
                        with self.assertRaises(botocore.exceptions.ClientError) as caught:
                            client.ask(f"{family}-error-{status}", client.start("x"), stream=stream)
                        if expected:
                            self.assertEqual(caught.exception.response["Error"]["Code"], expected)
                    else:
                        with self.assertRaises(expected) as caught:
                            client.ask(f"{family}-error-{status}", client.start("x"), stream=stream)
                    self.assertIn(f"as asked: {status}", str(caught.exception))

        self.each(check)


class Particular(unittest.TestCase):
    """What only some dialects have."""

    def test_thoughts_come_back_signed(self):
        client = Anthropic()
        for stream in (False, True):
            said = client.ask("anthropic-thinking", client.start("x"), stream=stream)
            thought = said.raw.content[0]
            self.assertEqual((thought.type, thought.thinking, thought.signature), ("thinking", THOUGHT, SIGNATURE))
        sdk = OpenAiChat().sdk
        answer = sdk.chat.completions.create(model="anthropic-thinking", messages=[{"role": "user", "content": "x"}])
        message = answer.choices[0].message
        self.assertEqual(message.reasoning_content, THOUGHT)
        # Marked, so that it goes back to nobody but who made it.
        self.assertEqual(message.thinking_blocks[0]["signature"], f"FerrogtA{SIGNATURE}")

    def test_structured_output(self):
        sdk = OpenAiChat().sdk
        schema = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
            "required": ["city", "degrees"],
            "additionalProperties": False,
        }
        format = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": schema}}
        for family in FAMILIES:
            with self.subTest(family=family):
                answer = sdk.chat.completions.create(
                    model=f"{family}-json", messages=[{"role": "user", "content": "x"}], response_format=format
                )
                self.assertEqual(json.loads(answer.choices[0].message.content), {"city": "Oslo", "degrees": -3})

    def test_what_is_lost_is_told(self):
        sdk = OpenAiChat().sdk
        raw = sdk.chat.completions.with_raw_response.create(
            model="anthropic-plain",
            messages=[{"role": "user", "content": "x"}],
            seed=7,
            logit_bias={"5": 1},
        )
        lost = raw.headers["x-ferrogate-lossy"].split(", ")
        self.assertEqual(sorted(lost), ["logit_bias", "seed"])

    def test_counting(self):
        counted = Anthropic().sdk.messages.count_tokens(
            model="openai-plain", messages=[{"role": "user", "content": "How is Oslo?"}]
        )
        self.assertGreater(counted.input_tokens, 0)
        google = Gemini()
        counted = google.sdk.models.count_tokens(model="openai-plain", contents="How is Oslo?")
        self.assertGreater(counted.total_tokens, 0)

    def test_models(self):
        names = {f"{family}-plain" for family in FAMILIES}
        self.assertLessEqual(names, {model.id for model in OpenAiChat().sdk.models.list()})
        self.assertLessEqual(names, {model.id for model in Anthropic().sdk.models.list()})
        google = Gemini()
        found = {model.name for model in google.sdk.models.list(config={"query_base": True})}
        self.assertLessEqual({f"models/{name}" for name in names}, found)


def main():
    result = unittest.main(exit=False, warnings="ignore").result
    failed = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - failed, 0)} passed, {failed} failed")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
