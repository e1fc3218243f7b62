// What every client asks for, and what it must hear; the fake's own facts are read from it.

import { z } from "zod";

export const QUESTION = "How is Oslo, and what time is it?";
export const SYSTEM = "Be brief.";
export const PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The answer of a provider that was told what the tools said. */
export const SAID = "It is -3 degrees and noon.";

/** The object asked for by the scene of structured output. */
export const WEATHER = z.object({ city: z.string(), degrees: z.number().int() });

/** The tools, by name: the schema of their arguments, and what they say. */
export const TOOLS = {
    weather: { schema: z.object({ city: z.string() }), result: "-3 degrees" },
    clock: { schema: z.object({ zone: z.string() }), result: "noon" },
};

/** Each tool in a client's own words; `calls` gathers what the tools are called with. */
export function tools(calls, make) {
    return Object.entries(TOOLS).map(([name, { schema, result }]) =>
        make(name, schema, async (asked) => {
            calls.push([name, asked]);
            return result;
        }),
    );
}
