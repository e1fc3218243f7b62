// The gateway in front of `@copilotkit/aimock`, which speaks the vendors' protocols and was written by others.
//
// Its journal shows what it was sent: path and headers as they came, the body as it understood it, which is one form
// for every protocol. Where it departs from a vendor's documentation the vendor counts; each case is in `departures`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import * as anthropic from "./anthropic.mjs";
import * as openai from "./openai.mjs";
import { startAimock, startGateway } from "./processes.mjs";
import { QUESTION, SAID, SYSTEM, TOOLS } from "./scenes.mjs";
import { vercel } from "./vercel.mjs";

const KEY = "caller-secret";
const UPSTREAM_KEY = "sk-aimock";
const TEXT = "Grüß Gott, Oslo is cold. 🌧";
const CALLS = [
    ["weather", { city: "Oslo" }],
    ["clock", { zone: "Europe/Oslo" }],
];

// By provider: where below aimock's root its API begins, the header of its key, and the paths of its chat.
const providers = {
    openai: {
        base: "/v1",
        credential: "authorization",
        path: (_, stream, client) => (client.name === "openai responses" ? "/v1/responses" : "/v1/chat/completions"),
    },
    anthropic: { base: "", credential: "x-api-key", path: () => "/v1/messages" },
    gemini: {
        base: "",
        credential: "x-goog-api-key",
        path: (model, stream) =>
            `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    },
    bedrock: {
        base: "",
        more: "region us-east-1",
        credential: "authorization",
        path: (model, stream) => `/model/${model}/converse${stream ? "-stream" : ""}`,
    },
    cohere: { base: "", credential: "authorization", path: () => "/v2/chat" },
    // It speaks OpenAI's dialect as well, which spares a translation.
    ollama: {
        base: "",
        credential: "authorization",
        path: (_, stream, client) => (client.name === "openai chat" ? "/v1/chat/completions" : "/api/chat"),
    },
};
const CREDENTIALS = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];

// What is heard or read where aimock is unlike the vendor, by client and provider.
const departures = {
    // OpenAI's schema has a `sequence_number` in every event; these have none, and pass as they came.
    "openai responses, openai, streamed": { error: /event 1 has undefined/ },
    // Google ends calls of functions with `STOP`, and has no `FUNCTION_CALL`, for which the client calls nothing.
    "ai with google, gemini": { tools: { text: "", calls: [] } },
    // Bedrock's results may be JSON, as Google's are; aimock reads those that are text.
    "ai with google, bedrock": { results: ["", ""] },
};
// Ollama counts tokens; aimock counts none of those that its own protocol is asked for.
const countsNothing = (provider, client) => provider === "ollama" && client.name !== "openai chat";

const fixtures = join(import.meta.dirname, "aimock.fixtures.json");
const upstream = await startAimock(fixtures, [UPSTREAM_KEY]);
after(upstream.stop);

const blocks = Object.entries(providers).map(
    ([name, { base, more = "" }]) => `
        provider ${name} {
            base_url ${upstream.found}${base}
            api_key ${UPSTREAM_KEY}
            ${more}
            retry {
                attempts 1
            }
            circuit_breaker off
        }
        model ${name}-plain -> ${name}:plain
        model ${name}-refused -> ${name}:refused`,
);
const gateway = await startGateway(`
{
    default_bind 127.0.0.1
    grace_period 1s
}

http://:0 {
    ai_gateway {
        ${blocks.join("\n")}
        api_key caller {
            key ${KEY}
            scopes *
        }
    }
}
`);
after(gateway.stop);

const at = [gateway.found, KEY];
const clients = [
    openai.chat(...at),
    openai.responses(...at),
    // Threads are younger than aimock.
    anthropic.messages(...at, { thread: false }),
    vercel(...at).google,
];

async function control(path, method) {
    const answer = await fetch(`${upstream.found}/__aimock/${path}`, {
        method,
        headers: { authorization: `Bearer ${UPSTREAM_KEY}` },
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
}

/** What aimock was sent during `act`. */
async function journalled(act) {
    await control("reset/journal", "POST");
    await act();
    return control("journal", "GET");
}

/** A conversation as aimock understood it. */
function understood({ messages }) {
    const turns = [];
    for (const { role, content, tool_calls: calls } of messages) {
        const called = calls?.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
        const last = turns.at(-1);
        // Calls are items of their own in OpenAI's responses.
        if (called && last?.[0] === role) last[1].push(...called);
        else turns.push([role, called ?? content]);
    }
    return turns;
}

const RESULTS = Object.values(TOOLS).map((tool) => tool.result);

/** What a result says, whatever object it is wrapped in. */
const unwrapped = (result) => RESULTS.find((said) => result.includes(`"${said}"`)) ?? result;

function checkSent(entry, provider, model, stream, client) {
    const { path, credential } = providers[provider];
    assert.equal(`${entry.method} ${entry.path}`, `POST ${path(model, stream, client)}`);
    // aimock has checked that the key is the right one, and does not tell it.
    assert.deepEqual(
        CREDENTIALS.filter((name) => name in entry.headers),
        [credential],
    );
    assert.equal(entry.headers["content-type"], "application/json");
    // The caller's own, else the one that still takes every parameter of sampling.
    const version = provider === "anthropic" ? (client.version ?? "2023-06-01") : undefined;
    assert.equal(entry.headers["anthropic-version"], version);
    assert.equal(entry.body.model, model);
    assert.equal(Boolean(entry.body.stream), stream);
}

for (const client of clients) {
    describe(client.name, () => {
        for (const provider of Object.keys(providers)) {
            for (const stream of [false, true]) {
                const streamed = stream ? ", streamed" : "";
                const place = `${client.name}, ${provider}`;
                const departs = departures[place + streamed] ?? departures[place] ?? {};
                const begun = [
                    ["system", SYSTEM],
                    ["user", QUESTION],
                ];

                test(`${provider}: text${streamed}`, async () => {
                    const model = `${provider}-plain`;
                    const usage = countsNothing(provider, client) ? [0, 0] : [23, 9];
                    const [entry, ...others] = await journalled(async () => {
                        const said = client.text(model, stream);
                        if (departs.error) return assert.rejects(said, departs.error);
                        assert.deepEqual(await said, { text: TEXT, finish: client.finish, usage, model });
                    });
                    assert.equal(others.length, 0);
                    checkSent(entry, provider, "plain", stream, client);
                    assert.deepEqual(understood(entry.body), begun);
                });

                test(`${provider}: a loop of tools${streamed}`, async () => {
                    const entries = await journalled(async () => {
                        const said = client.tools(`${provider}-plain`, stream);
                        if (departs.error) return assert.rejects(said, departs.error);
                        assert.deepEqual(await said, departs.tools ?? { text: SAID, calls: CALLS });
                    });
                    for (const entry of entries) {
                        checkSent(entry, provider, "plain", stream, client);
                        const names = entry.body.tools.map((tool) => tool.function.name);
                        assert.deepEqual(names, Object.keys(TOOLS));
                    }
                    assert.deepEqual(understood(entries[0].body), begun);
                    if (departs.error || departs.tools) return assert.equal(entries.length, 1);
                    assert.equal(entries.length, 2);
                    const results = (departs.results ?? RESULTS).map((said) => ["tool", said]);
                    const plain = ([role, said]) => [role, role === "tool" ? unwrapped(said) : said];
                    assert.deepEqual(understood(entries[1].body).map(plain), [
                        ...begun,
                        ["assistant", CALLS],
                        ...results,
                    ]);
                });

                test(`${provider}: an error${streamed}`, async () => {
                    const { type } = client.error(503);
                    const [entry] = await journalled(() =>
                        assert.rejects(client.fail(`${provider}-refused`, stream), (error) => {
                            assert.ok(error instanceof type, error.stack);
                            assert.match(error.message, /as asked: 503/);
                            return true;
                        }),
                    );
                    checkSent(entry, provider, "refused", stream, client);
                });
            }
        }
    });
}
