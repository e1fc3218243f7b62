// The JavaScript clients against the gateway, each in front of every wire family.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import * as anthropic from "./anthropic.mjs";
import * as openai from "./openai.mjs";
import { startFamilies, startGateway } from "./processes.mjs";
import { SAID } from "./scenes.mjs";
import { vercel } from "./vercel.mjs";

const upstream = await startFamilies();
after(upstream.stop);
const facts = upstream.found;
const gateway = await startGateway(facts.caddyfile);
after(gateway.stop);

const at = [gateway.found, facts.key];
const ai = vercel(...at);
const clients = [openai.chat(...at), openai.responses(...at), anthropic.messages(...at), ...Object.values(ai)];

// Vercel's package wraps what a function said in an object, which models of other families read as JSON.
const unwrapped = (text) => text.replace(/\{"name":"\w+","content":"([^"]*)"\}/g, "$1");

const scenes = {
    async text(client, family, stream) {
        const model = `${family}-plain`;
        const expected = { text: facts.text, finish: client.finish, usage: facts.usage, model };
        assert.deepEqual(await client.text(model, stream), expected);
    },
    async "a loop of tools"(client, family, stream) {
        const { text, calls } = await client.tools(`${family}-tools`, stream);
        assert.deepEqual(calls, facts.calls);
        assert.equal(unwrapped(text), SAID);
    },
    async "structured output"(client, family, stream) {
        assert.deepEqual(await client.object(`${family}-json`, stream), facts.object);
    },
    async pictures(client, family, stream) {
        assert.equal(await client.picture(`${family}-vision`, stream), "1 pictures");
    },
    async errors(client, family, stream) {
        for (const status of facts.statuses) {
            const { type, retryable } = client.error(status);
            const check = (error) => {
                assert.ok(error instanceof type, `${status}: ${error.stack}`);
                assert.match(error.message, new RegExp(`as asked: ${status}`));
                if (retryable !== undefined) assert.equal(error.isRetryable, retryable, `${status}`);
                return true;
            };
            await assert.rejects(client.fail(`${family}-error-${status}`, stream), check);
        }
    },
};

for (const client of clients) {
    describe(client.name, () => {
        for (const family of facts.families) {
            for (const [name, check] of Object.entries(scenes)) {
                for (const stream of [false, true]) {
                    test(`${family}: ${name}${stream ? ", streamed" : ""}`, () => check(client, family, stream));
                }
            }
        }
    });
}

describe("what only some dialects have", () => {
    test("a thread that a model does not have is done without", async () => {
        const { text, calls } = await anthropic.messages(...at).tools("anthropic-threadless", false);
        assert.deepEqual({ text, calls }, { text: SAID, calls: facts.calls });
    });

    for (const stream of [false, true]) {
        test(`thoughts come back signed${stream ? ", streamed" : ""}`, async () => {
            const { reasoning } = await ai.anthropic.ask("anthropic-thinking", stream);
            assert.equal(reasoning.map((part) => part.text).join(""), facts.thought);
            assert.equal(reasoning.at(-1).providerMetadata.anthropic.signature, facts.signature);
        });
    }

    test("tokens are counted", async () => {
        const asked = { model: "openai-plain", messages: [{ role: "user", content: "How is Oslo?" }] };
        const counted = await anthropic.sdk(...at).messages.countTokens(asked);
        assert.ok(counted.input_tokens > 0);
    });

    test("models are listed", async () => {
        for (const sdk of [openai.sdk(...at), anthropic.sdk(...at)]) {
            const ids = new Set();
            for await (const model of sdk.models.list()) ids.add(model.id);
            for (const family of facts.families) assert.ok(ids.has(`${family}-plain`), family);
        }
    });
});
