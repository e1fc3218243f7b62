//! Every fault, and what the contract says comes of it.

use ferrogate_testkit::Fault;

/// What comes of a target with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// The next target is asked. The trace says this word; without a next target the caller gets this status and code.
    Next(&'static str, u16, &'static str),
    /// No other target is asked: the caller gets this status and code; the trace says the provider's own status.
    Stop(&'static str, u16, &'static str),
    /// Its answer is whole all the same.
    Served,
    /// The same, and what was used is estimated because it does not tell.
    Estimated,
    /// The stream had begun: the caller gets an error in its own dialect, and no end that looks like one.
    Broken,
}
pub(crate) use End::{Broken, Estimated, Next, Served, Stop};

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// What an upstream does.
    pub(crate) what: &'static str,
    pub(crate) fault: Fault,
    /// What comes of it where a whole answer is asked for; `None` where the fault cannot be told from another row.
    pub(crate) whole: Option<End>,
    /// What comes of it where a stream is asked for.
    pub(crate) stream: Option<End>,
}

const fn both(what: &'static str, fault: Fault, end: End) -> Row {
    each(what, fault, end, end)
}

const fn each(what: &'static str, fault: Fault, whole: End, stream: End) -> Row {
    Row {
        what,
        fault,
        whole: Some(whole),
        stream: Some(stream),
    }
}

const fn stream(what: &'static str, fault: Fault, end: End) -> Row {
    Row {
        what,
        fault,
        whole: None,
        stream: Some(end),
    }
}

const fn whole(what: &'static str, fault: Fault, end: End) -> Row {
    Row {
        what,
        fault,
        whole: Some(end),
        stream: None,
    }
}

const UNREACHABLE: End = Next("unreachable", 502, "upstream_error");
const BROKEN_OFF: End = Next("broken", 502, "upstream_error");
const NONSENSE: End = Next("invalid_response", 502, "upstream_error");
const ERROR_EVENT: End = Next("error_event", 502, "upstream_error");
const TOO_LATE: End = Next("timeout", 504, "upstream_timeout");
const RATE_LIMITED: End = Next("429", 429, "upstream_rate_limited");

/// A part of the matrix; its rows need about the same time.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) rows: &'static [Row],
}

pub(crate) const CONNECTIONS: Part = Part {
    title: "Connections",
    rows: &[
        both("refuses connections", Fault::Refused, UNREACHABLE),
        both(
            "has a name that does not resolve",
            Fault::Unresolved,
            UNREACHABLE,
        ),
        both(
            "neither accepts nor refuses connections",
            Fault::Unreachable,
            TOO_LATE,
        ),
        both(
            "does not speak TLS where it should",
            Fault::NotTls,
            UNREACHABLE,
        ),
        both(
            "has a certificate that nobody trusts",
            Fault::Untrusted,
            UNREACHABLE,
        ),
        both(
            "closes without an answer",
            Fault::ClosedBeforeAnswer,
            BROKEN_OFF,
        ),
        both(
            "resets without an answer",
            Fault::ResetBeforeAnswer,
            BROKEN_OFF,
        ),
        both(
            "closes within the header",
            Fault::ClosedInHeader,
            BROKEN_OFF,
        ),
        both(
            "closes behind the header",
            Fault::ClosedAfterHeader,
            BROKEN_OFF,
        ),
        both(
            "resets behind the header",
            Fault::ResetAfterHeader,
            BROKEN_OFF,
        ),
        both(
            "answers with bytes that are not HTTP",
            Fault::Garbage,
            BROKEN_OFF,
        ),
        both(
            "has a header of two mebibytes",
            Fault::HugeHeader(2 << 20),
            BROKEN_OFF,
        ),
        both(
            "switches protocols unasked (101)",
            Fault::SwitchesProtocols,
            BROKEN_OFF,
        ),
        both(
            "gives interim answers first (100, 103)",
            Fault::Interim,
            Served,
        ),
        both(
            "closes behind a good answer",
            Fault::ClosedAfterAnswer,
            Served,
        ),
    ],
};

pub(crate) const STATUSES: Part = Part {
    title: "Statuses",
    rows: &[
        both("307", Fault::Redirect(307), NONSENSE),
        both("400", Fault::Status(400), Stop("400", 400, "fake_code")),
        both(
            "401",
            Fault::Status(401),
            Stop("401", 502, "upstream_auth_error"),
        ),
        both(
            "403",
            Fault::Status(403),
            Stop("403", 502, "upstream_auth_error"),
        ),
        both(
            "404",
            Fault::Status(404),
            Stop("404", 404, "model_not_found"),
        ),
        both(
            "408",
            Fault::Status(408),
            Next("408", 504, "upstream_timeout"),
        ),
        both("413", Fault::Status(413), Stop("413", 413, "fake_code")),
        both("422", Fault::Status(422), Stop("422", 422, "fake_code")),
        both("429", Fault::Status(429), RATE_LIMITED),
        both(
            "429 with `Retry-After`",
            Fault::RateLimited(30),
            RATE_LIMITED,
        ),
        both(
            "429 with the reset of a limit",
            Fault::StatusWith(429, RESET),
            RATE_LIMITED,
        ),
        both(
            "500 with a page for people",
            Fault::HtmlError,
            Next("500", 502, "upstream_error"),
        ),
        both(
            "501",
            Fault::Status(501),
            Next("501", 502, "upstream_error"),
        ),
        both(
            "502",
            Fault::Status(502),
            Next("502", 502, "upstream_error"),
        ),
        both(
            "503",
            Fault::Status(503),
            Next("503", 503, "provider_unavailable"),
        ),
        both(
            "503 with `Retry-After`",
            Fault::StatusWith(503, LATER),
            Next("503", 503, "provider_unavailable"),
        ),
        both(
            "504",
            Fault::Status(504),
            Next("504", 504, "upstream_timeout"),
        ),
        both(
            "529",
            Fault::Status(529),
            Next("529", 503, "provider_unavailable"),
        ),
    ],
};

const RESET: &str = "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 30s\r\n";
const LATER: &str = "Retry-After: 30\r\n";

pub(crate) const ANSWERS: Part = Part {
    title: "Answers with a status of success",
    rows: &[
        both("an error for a body", Fault::ErrorInAnswer, ERROR_EVENT),
        both("a page for people", Fault::NotJson, NONSENSE),
        both("an empty body", Fault::Bodiless(200), NONSENSE),
        both("204", Fault::Bodiless(204), NONSENSE),
        each(
            "JSON that stops in the middle",
            Fault::CutJson,
            NONSENSE,
            Broken,
        ),
        each(
            "a length that is too long",
            Fault::LengthTooLong,
            BROKEN_OFF,
            Served,
        ),
        each(
            "a length that is too short",
            Fault::LengthTooShort,
            NONSENSE,
            Broken,
        ),
        both(
            "a connection closed within the body",
            Fault::TruncatedBody,
            BROKEN_OFF,
        ),
        whole("bytes that are not UTF-8", Fault::NotUtf8, NONSENSE),
        both("compressed unasked", Fault::Compressed, Served),
        both("compressed and damaged", Fault::CompressedBroken, NONSENSE),
        whole("a body without end", Fault::EndlessDrip, NONSENSE),
        both("fields behind the last chunk", Fault::Trailers, Served),
        both("no word of what was used", Fault::NoUsage, Estimated),
    ],
};

pub(crate) const WAITING: Part = Part {
    title: "Time",
    rows: &[
        both("no header", Fault::StallBeforeHeader, TOO_LATE),
        both(
            "a header that comes byte by byte",
            Fault::HeaderDrip,
            TOO_LATE,
        ),
        stream(
            "a header and no first token",
            Fault::StallAfterEvents(0),
            TOO_LATE,
        ),
        stream("comments and no first token", Fault::OnlyComments, TOO_LATE),
        stream(
            "silence behind the first tokens",
            Fault::StallAfterEvents(2),
            Broken,
        ),
        stream("a stream without end", Fault::EndlessDrip, Broken),
        both("slow, and good", Fault::SlowDrip, Served),
    ],
};

pub(crate) const STREAMS: Part = Part {
    title: "Streams",
    rows: &[
        stream(
            "an error as the first event",
            Fault::ErrorFirst,
            ERROR_EVENT,
        ),
        stream(
            "an error behind the first tokens",
            Fault::ErrorAfterEvents(2),
            Broken,
        ),
        stream(
            "an end before the first event",
            Fault::TruncatedStream(0),
            NONSENSE,
        ),
        stream(
            "an end without the last event",
            Fault::TruncatedStream(3),
            Broken,
        ),
        stream("everything but `[DONE]`", Fault::DoneMissing, Served),
        stream(
            "closed behind the first tokens",
            Fault::ClosedAfterEvents(3),
            Broken,
        ),
        stream(
            "reset behind the first tokens",
            Fault::ResetAfterEvents(3),
            Broken,
        ),
        stream(
            "closed before the first event",
            Fault::ClosedAfterEvents(0),
            BROKEN_OFF,
        ),
        stream(
            "a broken chunk before the first event",
            Fault::BrokenChunk(0),
            BROKEN_OFF,
        ),
        stream(
            "a broken chunk behind the first tokens",
            Fault::BrokenChunk(2),
            Broken,
        ),
        stream(
            "junk for a first event",
            Fault::JunkAfterEvents(0),
            NONSENSE,
        ),
        stream("junk among the tokens", Fault::JunkAfterEvents(2), Broken),
        stream(
            "an event above 32 MiB first",
            Fault::HugeEventAfterEvents(0),
            NONSENSE,
        ),
        stream(
            "an event above 32 MiB behind the first tokens",
            Fault::HugeEventAfterEvents(2),
            Broken,
        ),
        stream("an event of a mebibyte", Fault::LargeEvent, Served),
        stream("characters cut in half", Fault::HalfCharacters, Served),
        stream("lines that end in CR", Fault::LineEnds("\r"), Served),
        stream("lines that end in CRLF", Fault::LineEnds("\r\n"), Served),
        stream(
            "events of several lines, a byte-order mark",
            Fault::SeveralLines,
            Served,
        ),
        stream("usage in every event", Fault::RunningUsage, Served),
        stream("events behind `[DONE]`", Fault::MoreAfterDone, Served),
    ],
};

/// All of it.
pub(crate) const PARTS: [&Part; 5] = [&CONNECTIONS, &STATUSES, &ANSWERS, &WAITING, &STREAMS];
