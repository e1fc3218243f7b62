// The programs the tests talk to, each a process on a port that the system chooses.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const READY_MILLISECONDS = 20_000;

// Whoever ends the tests early ends what they started.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.once("exit", killAll);

const running = new Set();

function killAll() {
    for (const child of running) child.kill();
}

/**
 * Starts a program and waits until `read` finds what it looks for in a line the program prints.
 *
 * @returns {Promise<{found: any, stop: () => Promise<void>}>} what was found, and how to end the program
 */
async function start(program, args, { env, cwd }, read) {
    const child = spawn(program, args, { cwd, env: { PATH: process.env.PATH, ...env } });
    const ended = once(child, "close").catch(() => {});
    running.add(child);
    const stop = async () => {
        child.kill();
        await ended;
        running.delete(child);
    };
    const log = [];
    const found = new Promise((resolve, reject) => {
        const fail = (why) => reject(new Error(`${program}: ${why}\n${log.join("\n")}`));
        const deadline = setTimeout(fail, READY_MILLISECONDS, "not ready in time");
        deadline.unref();
        child.once("error", (error) => fail(error.message));
        child.once("close", (code) => fail(`ended with ${code}`));
        for (const output of [child.stdout, child.stderr]) {
            createInterface({ input: output }).on("line", (line) => {
                log.push(line);
                const value = read(line);
                if (value !== undefined) resolve(value);
            });
        }
    });
    try {
        return { found: await found, stop };
    } catch (error) {
        // Nothing can be tested now, and whoever started the others learns of it too late to end them.
        killAll();
        await stop();
        throw error;
    }
}

function parsed(line) {
    try {
        return JSON.parse(line);
    } catch {
        return undefined;
    }
}

/** Starts the binary named by FERROGATE_BIN; what is found is its root, without a path. */
export async function startGateway(caddyfile) {
    const folder = await mkdtemp(join(tmpdir(), "ferrogate-node-"));
    await writeFile(join(folder, "Caddyfile"), caddyfile);
    let address;
    const read = (line) => {
        const entry = parsed(line);
        if (entry?.msg === "listening") address = entry.address;
        return entry?.msg === "ready" ? `http://${address}` : undefined;
    };
    const remove = () => rm(folder, { recursive: true });
    try {
        const args = ["run", "-c", "Caddyfile"];
        const gateway = await start(process.env.FERROGATE_BIN, args, { cwd: folder }, read);
        return { found: gateway.found, stop: () => gateway.stop().then(remove) };
    } catch (error) {
        await remove();
        throw error;
    }
}

/** Starts the fake of every wire family; what is found are its facts. */
export function startFamilies() {
    const env = { PYTHONDONTWRITEBYTECODE: "1" };
    return start("python3", [join(process.env.SDK_TESTS, "families.py")], { env }, parsed);
}

/** Starts aimock with these fixtures, for callers with one of these keys; what is found is its root. */
export async function startAimock(fixtures, keys) {
    const program = join(import.meta.dirname, "node_modules/@copilotkit/aimock/dist/cli.js");
    const args = ["--port", "0", "--fixtures", fixtures, "--strict", "--validate-on-load"];
    const read = (line) => line.match(/listening on (http:\S+)/)?.[1];
    return start(process.execPath, [program, ...args], { env: { AIMOCK_API_KEYS: keys.join(",") } }, read);
}
