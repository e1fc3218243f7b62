// The official `openai` client: chat completions, and responses.

import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";

import { PNG, QUESTION, SYSTEM, TOOLS, WEATHER, tools } from "./scenes.mjs";

const PICTURE = `data:image/png;base64,${PNG}`;

// A provider that refuses the gateway's own key is the gateway's trouble, not the caller's.
const errors = {
    400: OpenAI.BadRequestError,
    401: OpenAI.InternalServerError,
    404: OpenAI.NotFoundError,
    429: OpenAI.RateLimitError,
    500: OpenAI.InternalServerError,
    503: OpenAI.InternalServerError,
};

export function sdk(root, key) {
    return new OpenAI({ baseURL: `${root}/v1`, apiKey: key, maxRetries: 0 });
}

export function chat(root, key) {
    const completions = sdk(root, key).chat.completions;
    const asked = (model, content = QUESTION) => ({
        model,
        max_tokens: 200,
        messages: [
            { role: "system", content: SYSTEM },
            { role: "user", content },
        ],
    });
    const ask = (body, stream) => {
        if (!stream) return completions.parse(body);
        return completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion();
    };
    return {
        name: "openai chat",
        finish: "stop",
        async text(model, stream) {
            const { choices, usage, model: answering } = await ask(asked(model), stream);
            const [{ message, finish_reason: finish }] = choices;
            const counts = [usage.prompt_tokens, usage.completion_tokens];
            return { text: message.content, finish, usage: counts, model: answering };
        },
        async tools(model, stream) {
            const calls = [];
            const make = (name, parameters, run) => zodFunction({ name, parameters, function: run, description: name });
            const runner = completions.runTools({ ...asked(model), stream, tools: tools(calls, make) });
            return { text: await runner.finalContent(), calls };
        },
        async object(model, stream) {
            const answer = await ask({ ...asked(model), response_format: zodResponseFormat(WEATHER, "report") }, stream);
            return answer.choices[0].message.parsed;
        },
        async picture(model, stream) {
            const content = [
                { type: "text", text: QUESTION },
                { type: "image_url", image_url: { url: PICTURE } },
            ];
            return (await ask(asked(model, content), stream)).choices[0].message.content;
        },
        async fail(model, stream) {
            const answer = await completions.create({ ...asked(model), stream });
            if (stream) for await (const _ of answer);
        },
        error: (status) => ({ type: errors[status] }),
    };
}

export function responses(root, key) {
    const api = sdk(root, key).responses;
    const asked = (model, content = QUESTION) => ({
        model,
        instructions: SYSTEM,
        input: [{ role: "user", content }],
    });
    const ask = async (body, stream) => {
        if (!stream) return api.parse(body);
        const events = api.stream(body);
        let number = 0;
        for await (const event of events) {
            if (event.sequence_number !== number++) throw new Error(`event ${number} has ${event.sequence_number}`);
        }
        return events.finalResponse();
    };
    // The client puts `output_text` on whole answers only.
    const text = ({ output }) => output.flatMap((item) => item.content ?? []).map((part) => part.text).join("");
    return {
        name: "openai responses",
        finish: "completed",
        async text(model, stream) {
            const answer = await ask(asked(model), stream);
            const usage = [answer.usage.input_tokens, answer.usage.output_tokens];
            return { text: text(answer), finish: answer.status, usage, model: answer.model };
        },
        async tools(model, stream) {
            const calls = [];
            const make = (name, parameters) => zodResponsesFunction({ name, parameters, description: name });
            const body = { ...asked(model), tools: tools(calls, make) };
            let answer = await ask(body, stream);
            for (let wanted; (wanted = answer.output.filter((item) => item.type === "function_call")).length; ) {
                calls.push(...wanted.map((item) => [item.name, JSON.parse(item.arguments)]));
                const results = wanted.map((item) => ({
                    type: "function_call_output",
                    call_id: item.call_id,
                    output: TOOLS[item.name].result,
                }));
                // The whole output goes back, as the vendor's guide says.
                body.input.push(...answer.output, ...results);
                answer = await ask(body, stream);
            }
            return { text: text(answer), calls };
        },
        async object(model, stream) {
            const answer = await ask({ ...asked(model), text: { format: zodTextFormat(WEATHER, "report") } }, stream);
            return answer.output_parsed;
        },
        async picture(model, stream) {
            const content = [
                { type: "input_text", text: QUESTION },
                { type: "input_image", detail: "auto", image_url: PICTURE },
            ];
            return text(await ask(asked(model, content), stream));
        },
        async fail(model, stream) {
            const answer = await api.create({ ...asked(model), stream });
            if (stream) for await (const _ of answer);
        },
        error: (status) => ({ type: errors[status] }),
    };
}
