// Tells what failed, and ends with the line `N passed, N failed`.

export default async function* reporter(events) {
    let passed = 0;
    let failed = 0;
    for await (const { type, data } of events) {
        if (data.details?.type === "suite") continue;
        if (type === "test:pass") passed++;
        if (type === "test:fail") {
            failed++;
            const { cause } = data.details.error;
            yield `not ok: ${data.name}\n${cause?.stack ?? cause ?? data.details.error}\n`;
        }
        if (type === "test:stderr" || type === "test:stdout") yield data.message;
    }
    yield `${passed} passed, ${failed} failed\n`;
}
