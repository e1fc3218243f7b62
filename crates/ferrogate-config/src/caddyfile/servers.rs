//! `servers { … }`: limits and trust of listeners.

use std::time::Duration;

use ferrogate_types::{ListenAddress, parse_size};

use super::context::Cx;
use super::global::Settings;
use super::line::Line;
use super::syntax::Place;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{ServerOptions, StrictSniHost};

pub(crate) mod protocols;
pub(crate) mod wrapper;

const KIND: Kind = Kind {
    noun: "server option",
    place: "in `servers`",
};
const TIMEOUTS: Kind = Kind {
    noun: "timeout",
    place: "in `timeouts`",
};

/// Options for one listener, or for all without their own.
pub(crate) struct Servers {
    pub(super) address: Option<ListenAddress>,
    pub(super) options: ServerOptions,
    pub(super) at: Place,
}

/// Every option of `servers`.
pub(crate) const OPTIONS: &[Row<ServerOptions>] = &[
    Row::new(
        "timeouts",
        "timeouts { ... }",
        "Time limits.",
        |cx, line, options| {
            if let Some(block) = line.block(cx) {
                cx.run_block(block, TIMEOUTS, TIMEOUT_OPTIONS, options);
            }
        },
    ),
    Row::new(
        "trusted_proxies",
        "trusted_proxies static RANGE...",
        "Proxies whose word counts.",
        |cx, line, options| {
            let Some((source, ranges)) = line
                .list(cx, 2..=usize::MAX)
                .and_then(|words| words.split_first())
            else {
                return;
            };
            if cx
                .one_of(source, "source of trusted proxies", &[("static", ())])
                .is_some()
            {
                options.trusted_proxies = cx.ranges(ranges);
            }
        },
    ),
    Row::new(
        "trusted_proxies_strict",
        "trusted_proxies_strict",
        "Always on.",
        |cx, line, _| {
            if line.flag(cx) {
                cx.say(
                    line.at(),
                    Diagnostic::note(
                        "no-effect",
                        "trusted proxies are always read strictly, from right to left",
                    )
                    .label("is on without being written"),
                );
            }
        },
    ),
    Row::new(
        "client_ip_headers",
        "client_ip_headers FIELD...",
        "Fields that tell the client.",
        |cx, line, options| {
            if let Some(fields) = line.list(cx, 1..=16) {
                options.client_ip_headers = fields
                    .iter()
                    .map(|field| field.text.to_ascii_lowercase())
                    .collect();
            }
        },
    ),
    Row::new(
        "max_header_size",
        "max_header_size SIZE",
        "The largest request header.",
        |cx, line, options| {
            let Some(size) = line.size(cx) else { return };
            if (1 << 10..=1 << 20).contains(&size) {
                options.max_header_size = size;
            } else {
                cx.say(
                    line.at(),
                    Diagnostic::error("invalid-value", "a header size lies between 1KiB and 1MiB")
                        .label("outside the range"),
                );
            }
        },
    ),
    Row::new(
        "protocols",
        "protocols [h1] [h2] [h2c]",
        "HTTP versions.",
        |cx, line, options| {
            if let Some(protocols) = protocols::read(cx, line) {
                protocols.apply(options);
            }
        },
    ),
    Row::new(
        "name",
        "name NAME",
        "What metrics and logs call the listener.",
        |cx, line, options| options.name = line.text(cx),
    ),
    Row::new(
        "listener_wrappers",
        "listener_wrappers { [proxy_protocol { ... }] [http_redirect] tls }",
        "What is read before HTTP.",
        wrapper::read,
    ),
    Row::new(
        "keepalive_interval",
        "keepalive_interval DURATION|-1",
        "Between two TCP keep-alive probes; 15s by default.",
        |cx, line, options| {
            if let Some(word) = line.word(cx) {
                options.keepalive_interval = if &*word.text == "-1" {
                    None
                } else {
                    cx.duration(word)
                };
            }
        },
    ),
    Row::new(
        "keepalive_idle",
        "keepalive_idle DURATION",
        "Silence before the first probe; 15s by default.",
        |cx, line, options| {
            options.keepalive_idle = line.duration(cx).unwrap_or(options.keepalive_idle);
        },
    ),
    Row::new(
        "keepalive_count",
        "keepalive_count N",
        "Probes without an answer that end a connection; 9 by default.",
        |cx, line, options| {
            options.keepalive_count = line
                .number32(cx, 1..=127)
                .unwrap_or(options.keepalive_count);
        },
    ),
    Row::new(
        "trusted_proxies_unix",
        "trusted_proxies_unix",
        "Peers on Unix sockets are trusted as well.",
        |cx, line, options| options.trusted_proxies_unix = line.flag(cx),
    ),
    Row::new(
        "strict_sni_host",
        "strict_sni_host [on|insecure_off]",
        "The host must be the name of the handshake.",
        |cx, line, options| {
            const VALUES: &[(&str, StrictSniHost)] = &[
                ("on", StrictSniHost::On),
                ("insecure_off", StrictSniHost::InsecureOff),
            ];
            options.strict_sni_host = match line.list(cx, 0..=1) {
                Some([word]) => cx.one_of(word, "value", VALUES),
                Some(_) => Some(StrictSniHost::On),
                None => None,
            }
            .unwrap_or(options.strict_sni_host);
        },
    ),
    Row::new(
        "log_credentials",
        "log_credentials",
        "Credentials are logged as they are.",
        |cx, line, options| {
            options.log_credentials = line.flag(cx);
            cx.say(
                line.at(),
                Diagnostic::warning(
                    "log-credentials",
                    "credentials will stand in the access log",
                )
                .label("whoever reads the log can use them")
                .hint("log a hash instead: `format filter { request>headers>Authorization hash }`"),
            );
        },
    ),
    Row::new(
        "trace",
        "trace",
        "Logs at DEBUG which routes ran.",
        |cx, line, options| options.trace = line.flag(cx),
    ),
    Row::never(
        "enable_full_duplex",
        "HTTP/1.1 bodies always flow both ways at once",
    ),
    Row::new(
        "0rtt",
        "0rtt off",
        "Early data is never accepted.",
        |cx, line, _| {
            if let Some(word) = line.word(cx)
                && cx.one_of(word, "value", &[("off", ())]).is_some()
            {
                cx.no_effect(line.at(), "early data is never accepted");
            }
        },
    ),
    Row::new(
        "expected_underscore_headers",
        "expected_underscore_headers FIELD...",
        "Fields with `_` that are let through.",
        |cx, line, options| options.expected_underscore_headers = fields(cx, line),
    ),
    Row::new(
        "expected_dot_headers",
        "expected_dot_headers FIELD...",
        "Fields with `.` that are let through.",
        |cx, line, options| options.expected_dot_headers = fields(cx, line),
    ),
    Row::instead(
        "metrics",
        "it is an option of its own",
        "write `metrics` among the global options",
    ),
];

/// Every option of `timeouts`.
pub(crate) const TIMEOUT_OPTIONS: &[Row<ServerOptions>] = &[
    Row::new(
        "read_header",
        "read_header DURATION",
        "The whole request header.",
        |cx, line, options| {
            options.read_header_timeout = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "read_body",
        "read_body DURATION",
        "Between two reads of a body.",
        |cx, line, options| {
            options.read_body_timeout = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "read_body_idle",
        "read_body_idle DURATION [RATE]",
        "Between two reads of a body.",
        |cx, line, options| {
            options.read_body_timeout = stall(cx, line);
        },
    ),
    Row::new(
        "write",
        "write DURATION",
        "Between two writes.",
        |cx, line, options| {
            options.write_timeout = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "write_idle",
        "write_idle DURATION [RATE]",
        "Between two writes.",
        |cx, line, options| {
            options.write_timeout = stall(cx, line);
        },
    ),
    Row::new(
        "idle",
        "idle DURATION",
        "Between two requests.",
        |cx, line, options| {
            options.idle_timeout = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "write_max_chunk",
        "write_max_chunk SIZE",
        "Chunks are as large as they come.",
        |cx, line, _| {
            if line.size(cx).is_some() {
                cx.no_effect(
                    line.at(),
                    "the time limit counts from one write to the next",
                );
            }
        },
    ),
];

/// A time limit; the least rate that may follow it is not measured.
fn stall(cx: &mut Cx<'_>, line: &Line<'_>) -> Duration {
    let words = line.list(cx, 1..=2).unwrap_or_default();
    if let Some(rate) = words.get(1)
        && cx.checked(rate, "rate", parse_size(&rate.text)).is_some()
    {
        cx.unavailable(
            rate.at,
            "a least rate",
            "leave it out: the time limit is for standing still",
        );
    }
    words
        .first()
        .and_then(|word| cx.duration(word))
        .unwrap_or_default()
}

fn fields(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<String> {
    let fields = line.texts(cx);
    fields
        .iter()
        .map(|field| field.to_ascii_lowercase())
        .collect()
}

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    let mut options = ServerOptions::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    } else {
        cx.say(
            line.at(),
            Diagnostic::error("block-missing", "`servers` needs a block")
                .label("an opening brace must end this line")
                .hint(line.syntax()),
        );
        return;
    }
    if let Some(name) = options.name.as_ref().filter(|_| args.is_empty()) {
        cx.say(
            line.at(),
            Diagnostic::error(
                "contradiction",
                format!("name `{name}` would be that of every listener"),
            )
            .label("for all listeners")
            .hint("name one listener: `servers :8080 { ... }`"),
        );
    }
    let address = match args.first() {
        None => None,
        Some(word) => match cx.checked(word, "address", word.text.parse()) {
            Some(address) => Some(address),
            None => return,
        },
    };
    if let Some(first) = settings
        .servers
        .iter()
        .find(|servers| servers.address == address)
    {
        cx.say(
            line.at(),
            Diagnostic::error(
                "duplicate-servers",
                "options for these listeners were given already",
            )
            .label("second block")
            .also(first.at.span, "first block"),
        );
        return;
    }
    settings.servers.push(Servers {
        address,
        options,
        at: line.at(),
    });
}
