// Vercel's `ai` with its providers of OpenAI, Anthropic and Google.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateObject, generateText, stepCountIs, streamObject, streamText } from "ai";

import { PNG, QUESTION, SYSTEM, WEATHER, tools } from "./scenes.mjs";

// It warns of what other families' answers lack; the tests say what must be there.
globalThis.AI_SDK_LOG_WARNINGS = false;

const providerOptions = {
    // Models whose abilities the package cannot know are asked for objects by a tool otherwise.
    anthropic: { structuredOutputMode: "outputFormat" },
    // Else it refers to items that it takes for stored; only OpenAI stores them.
    openai: { store: false },
};

function client(name, model) {
    const asked = (id, more) => ({
        model: model(id),
        maxRetries: 0,
        maxOutputTokens: 200,
        system: SYSTEM,
        providerOptions,
        ...more,
    });
    const ask = async (stream, body) => {
        if (!stream) return generateText(body);
        const answer = streamText({ ...body, onError() {} });
        for await (const part of answer.fullStream) if (part.type === "error") throw part.error;
        const [text, finishReason, totalUsage, response, reasoning] = await Promise.all([
            answer.text,
            answer.finishReason,
            answer.totalUsage,
            answer.response,
            answer.reasoning,
        ]);
        return { text, finishReason, totalUsage, response, reasoning };
    };
    return {
        name: `ai with ${name}`,
        finish: "stop",
        ask: (id, stream) => ask(stream, asked(id, { prompt: QUESTION })),
        async text(id, stream) {
            const { text, finishReason: finish, totalUsage, response } = await this.ask(id, stream);
            return { text, finish, usage: [totalUsage.inputTokens, totalUsage.outputTokens], model: response.modelId };
        },
        async tools(id, stream) {
            const calls = [];
            const make = (name, inputSchema, execute) => [name, { inputSchema, execute, description: name }];
            const more = { tools: Object.fromEntries(tools(calls, make)), stopWhen: stepCountIs(4), prompt: QUESTION };
            const { text } = await ask(stream, asked(id, more));
            return { text, calls };
        },
        async object(id, stream) {
            const body = asked(id, { schema: WEATHER, prompt: QUESTION });
            if (!stream) return (await generateObject(body)).object;
            const answer = streamObject({ ...body, onError() {} });
            for await (const part of answer.fullStream) if (part.type === "error") throw part.error;
            return answer.object;
        },
        async picture(id, stream) {
            const content = [
                { type: "text", text: QUESTION },
                { type: "image", image: Buffer.from(PNG, "base64"), mediaType: "image/png" },
            ];
            const { text } = await ask(stream, asked(id, { messages: [{ role: "user", content }] }));
            return text;
        },
        fail: (id, stream) => ask(stream, asked(id, { prompt: QUESTION })),
        error: (status) => ({ type: APICallError, retryable: status === 401 || status === 429 || status >= 500 }),
    };
}

export function vercel(root, key) {
    const openai = createOpenAI({ baseURL: `${root}/v1`, apiKey: key });
    const anthropic = createAnthropic({ baseURL: `${root}/v1`, apiKey: key });
    const google = createGoogleGenerativeAI({ baseURL: `${root}/v1beta`, apiKey: key });
    return {
        chat: client("openai chat", (id) => openai.chat(id)),
        responses: client("openai responses", (id) => openai.responses(id)),
        anthropic: client("anthropic", (id) => anthropic(id)),
        google: client("google", (id) => google(id)),
    };
}
