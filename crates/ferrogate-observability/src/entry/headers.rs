//! Fields of HTTP in an entry.

use std::borrow::Cow;

use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};

use crate::event::{Field, FieldSink};

/// Fields that carry credentials: Caddy's four, and those of the APIs this gateway speaks.
const CREDENTIALS: [&str; 7] = [
    "cookie",
    "set-cookie",
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
];

/// Where browsers put a key of OpenAI's Realtime API: they can set no other field of a WebSocket's handshake.
const SUBPROTOCOL: &str = "sec-websocket-protocol";
const KEY_IN_SUBPROTOCOL: &str = "openai-insecure-api-key.";

/// What is told in the place of a credential.
const REDACTED: &str = "REDACTED";

/// Tells fields of HTTP as an object of lists, with the names in the case that Go gives them.
///
/// `Host` and `Transfer-Encoding` are left out: Go takes them out of the fields.
pub(super) fn fields(key: &str, headers: &HeaderMap, credentials: bool, sink: &mut dyn FieldSink) {
    sink.open(key);
    for name in headers.keys() {
        if *name == HOST || *name == TRANSFER_ENCODING {
            continue;
        }
        let values = if !credentials && CREDENTIALS.contains(&name.as_str()) {
            vec![Cow::Borrowed(REDACTED)]
        } else {
            let values = headers.get_all(name).iter();
            values
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .map(|value| {
                    let key = *name == SUBPROTOCOL && value.contains(KEY_IN_SUBPROTOCOL);
                    if key && !credentials {
                        Cow::Borrowed(REDACTED)
                    } else {
                        value
                    }
                })
                .collect()
        };
        sink.field(&canonical(name), Field::List(values));
    }
    sink.close();
}

/// `x-request-id` as `X-Request-Id`.
fn canonical(name: &HeaderName) -> String {
    let mut start = true;
    let letters = name.as_str().chars().map(|letter| {
        let letter = if start {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        start = letter == '-';
        letter
    });
    letters.collect()
}
