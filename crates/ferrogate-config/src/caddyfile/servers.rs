//! `servers { … }`: limits and trust of listeners.

use ferrogate_types::ListenAddress;

use super::context::Cx;
use super::global::Settings;
use super::line::Line;
use super::syntax::Place;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::ServerOptions;

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
        "protocols h1 [h2] [h2c]",
        "HTTP versions.",
        |cx, line, options| {
            type Set = fn(&mut ServerOptions);
            const PROTOCOLS: &[(&str, Set)] = &[
                ("h1", |_| {}),
                ("h2", |options| options.h2 = true),
                ("h2c", |options| options.h2c = true),
            ];
            let Some(words) = line.list(cx, 1..=4) else {
                return;
            };
            (options.h2, options.h2c) = (false, false);
            for word in words {
                if word.is_word("h3") {
                    cx.say(
                        word.at,
                        Diagnostic::error("not-available", "HTTP/3 is not available yet")
                            .label("leave it out"),
                    );
                } else if let Some(set) = cx.one_of(word, "protocol", PROTOCOLS) {
                    set(options);
                }
            }
            if !words.iter().any(|word| word.is_word("h1")) {
                cx.say(
                    line.at(),
                    Diagnostic::error(
                        "not-available",
                        "a listener without HTTP/1.1 is not available yet",
                    )
                    .label("add `h1`"),
                );
            }
        },
    ),
    Row::later("name", ""),
    Row::later("listener_wrappers", ""),
    Row::later("keepalive_interval", ""),
    Row::later("keepalive_idle", ""),
    Row::later("keepalive_count", ""),
    Row::later("trusted_proxies_unix", ""),
    Row::later("strict_sni_host", ""),
    Row::never("log_credentials", "credentials are never logged"),
    Row::later("trace", "use `debug`"),
    Row::later("enable_full_duplex", ""),
    Row::later("0rtt", ""),
    Row::later("expected_underscore_headers", ""),
    Row::later("expected_dot_headers", ""),
    Row::later(
        "metrics",
        "`ai_gateway` serves /metrics when its `admin` is on",
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
        "read_body_idle DURATION",
        "Between two reads of a body.",
        |cx, line, options| {
            options.read_body_timeout = line.duration(cx).unwrap_or_default();
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
        "write_idle DURATION",
        "Between two writes.",
        |cx, line, options| {
            options.write_timeout = line.duration(cx).unwrap_or_default();
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
    Row::later("write_max_chunk", ""),
];

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
