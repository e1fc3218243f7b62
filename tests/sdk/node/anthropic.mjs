// The official `@anthropic-ai/sdk` client: messages.

import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";

import { PNG, QUESTION, SYSTEM, WEATHER, tools } from "./scenes.mjs";

const errors = {
    400: Anthropic.BadRequestError,
    401: Anthropic.InternalServerError,
    404: Anthropic.NotFoundError,
    429: Anthropic.RateLimitError,
    500: Anthropic.InternalServerError,
    503: Anthropic.InternalServerError,
};

export function sdk(root, key) {
    return new Anthropic({ baseURL: root, apiKey: key, maxRetries: 0 });
}

/** With `thread: false` the loops of tools send the whole conversation each time. */
export function messages(root, key, { thread } = {}) {
    const client = sdk(root, key);
    const asked = (model, content = QUESTION) => ({
        model,
        max_tokens: 200,
        system: SYSTEM,
        messages: [{ role: "user", content }],
    });
    const ask = (body, stream) =>
        stream ? client.messages.stream(body).finalMessage() : client.messages.parse(body);
    const text = (answer) => answer.content.map((block) => block.text ?? "").join("");
    return {
        name: "anthropic",
        version: "2026-10-21",
        finish: "end_turn",
        async text(model, stream) {
            const answer = await ask(asked(model), stream);
            const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = answer.usage;
            const prompt = input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0);
            const usage = [prompt, output_tokens];
            return { text: text(answer), finish: answer.stop_reason, usage, model: answer.model };
        },
        async tools(model, stream) {
            const calls = [];
            const make = (name, inputSchema, run) => betaZodTool({ name, inputSchema, run, description: name });
            const body = { ...asked(model), stream, thread, tools: tools(calls, make) };
            const runner = client.beta.messages.toolRunner(body);
            let last;
            for await (const turn of runner) last = stream ? await turn.finalMessage() : turn;
            return { text: text(last), calls };
        },
        async object(model, stream) {
            const answer = await ask({ ...asked(model), output_config: { format: zodOutputFormat(WEATHER) } }, stream);
            return answer.parsed_output;
        },
        async picture(model, stream) {
            const source = { type: "base64", media_type: "image/png", data: PNG };
            const content = [
                { type: "text", text: QUESTION },
                { type: "image", source },
            ];
            return text(await ask(asked(model, content), stream));
        },
        async fail(model, stream) {
            const answer = await client.messages.create({ ...asked(model), stream });
            if (stream) for await (const _ of answer);
        },
        error: (status) => ({ type: errors[status] }),
    };
}
