//! What a caller asks for when it opens a session.

use http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Version};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use pingora_http::RequestHeader;

use crate::ai::authenticate::KEY_SUBPROTOCOL;
use crate::ai::refusal::{Refusal, RefusalCode};

/// A wish to open a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    /// The model as the caller names it.
    pub(super) model: String,
    /// What else of the query goes on, each parameter with its `&`.
    pub(super) query: String,
    /// What of the caller's fields goes on.
    pub(super) headers: HeaderMap,
    /// Parameters that do not go on, by name.
    pub(super) lost: Vec<String>,
}

/// Parameters beside the model that go on. Source: OpenAI's guide "Realtime transcription".
const QUERY: [&str; 1] = ["intent"];

/// Fields beside the WebSocket's own that go on.
const FORWARDED: [&str; 3] = ["openai-beta", "traceparent", "tracestate"];

/// Subprotocols that say who is calling, and for whose account. Source: OpenAI's guide "Realtime API with WebSockets",
/// "Connecting in a browser".
const IDENTITIES: [&str; 3] = [KEY_SUBPROTOCOL, "openai-organization.", "openai-project."];

impl Handshake {
    /// Reads it from a request; whatever asks for no WebSocket is refused.
    pub(super) fn read(header: &RequestHeader) -> Result<Self, Refusal> {
        let headers = &header.headers;
        let asks = header.version == Version::HTTP_11
            && header.method == Method::GET
            && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
            && tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"));
        if !asks {
            return Err(Refusal::new(
                RefusalCode::UpgradeRequired,
                "this path is answered with a WebSocket: send `GET` over HTTP/1.1 with `Connection: Upgrade` and \
                 `Upgrade: websocket`",
            ));
        }
        let version = tokens(headers, &SEC_WEBSOCKET_VERSION).eq(["13"]);
        if !version || !headers.contains_key(SEC_WEBSOCKET_KEY) {
            return Err(Refusal::new(
                RefusalCode::InvalidRequest,
                "the handshake needs `Sec-WebSocket-Key`, and `Sec-WebSocket-Version` with the value 13",
            ));
        }
        let mut found = Self {
            model: String::new(),
            query: String::new(),
            headers: forwarded(headers),
            lost: Vec::new(),
        };
        found.read_query(header.uri.query().unwrap_or_default())?;
        if found.model.is_empty() {
            return Err(Refusal::new(
                RefusalCode::InvalidRequest,
                "name the model in the query: `/v1/realtime?model=NAME`",
            )
            .with_param("model"));
        }
        Ok(found)
    }

    fn read_query(&mut self, query: &str) -> Result<(), Refusal> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Compared as the provider would read it: no spelling of `model` goes by unnoticed.
            let (name, value) = (decoded(name), decoded(value));
            match name.as_str() {
                "model" if self.model.is_empty() => self.model = value,
                "model" => {
                    return Err(Refusal::new(
                        RefusalCode::InvalidRequest,
                        "the query names two models",
                    )
                    .with_param("model"));
                }
                "key" => {}
                name if QUERY.contains(&name) => {
                    let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
                    self.query.extend(["&", name, "="]);
                    self.query.extend(value);
                }
                _ => self.lost.push(name),
            }
        }
        Ok(())
    }
}

/// A part of a query as it is meant; `+` is a space there.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The elements of a field that is a list.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The fields that go on: nothing in them says who is calling, and no extension is offered, because frames that are
/// compressed could not be metered.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(12);
    for (name, value) in headers {
        let own = name.as_str().starts_with("sec-websocket-")
            && ![
                SEC_WEBSOCKET_ACCEPT,
                SEC_WEBSOCKET_EXTENSIONS,
                SEC_WEBSOCKET_PROTOCOL,
            ]
            .contains(name);
        if own || FORWARDED.contains(&name.as_str()) {
            kept.append(name.clone(), value.clone());
        }
    }
    let protocols: Vec<&str> = tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
        .filter(|protocol| !protocol.is_empty())
        .filter(|protocol| !IDENTITIES.iter().any(|start| protocol.starts_with(start)))
        .collect();
    if let Ok(value) = HeaderValue::from_str(&protocols.join(", "))
        && !protocols.is_empty()
    {
        kept.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "nonce"),
    ];

    fn read(
        method: Method,
        query: &str,
        fields: &[(&'static str, &'static str)],
    ) -> Result<Handshake, Refusal> {
        let target = format!("/v1/realtime?{query}");
        let mut header = RequestHeader::build(method, target.as_bytes(), None).unwrap();
        for (name, value) in fields {
            header.append_header(*name, *value).unwrap();
        }
        Handshake::read(&header)
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let without = |left_out: usize| {
            let mut fields = FIELDS.to_vec();
            fields.remove(left_out);
            read(Method::GET, "model=m", &fields).map_err(|refusal| refusal.code())
        };
        assert_eq!(without(0), Err(RefusalCode::UpgradeRequired));
        assert_eq!(without(1), Err(RefusalCode::UpgradeRequired));
        assert_eq!(without(2), Err(RefusalCode::InvalidRequest));
        assert_eq!(without(3), Err(RefusalCode::InvalidRequest));
        let post = read(Method::POST, "model=m", &FIELDS).map_err(|refusal| refusal.code());
        assert_eq!(post, Err(RefusalCode::UpgradeRequired));
    }

    #[test]
    fn the_query_names_one_model_and_hides_no_other() {
        let check = |query: &str, expected: Result<(&str, &str, &[&str]), RefusalCode>| {
            let found = read(Method::GET, query, &FIELDS).map_err(|refusal| refusal.code());
            let lost: Vec<String> = expected
                .iter()
                .flat_map(|(_, _, lost)| lost.iter().map(|name| (*name).to_owned()))
                .collect();
            assert_eq!(
                found.map(|found| (found.model, found.query, found.lost)),
                expected.map(|(model, query, _)| (model.to_owned(), query.to_owned(), lost)),
                "{query}"
            );
        };
        check("model=gpt-realtime", Ok(("gpt-realtime", "", &[])));
        check(
            "key=fg_1&m%6fdel=a%2Fb+c&intent=transcription%26model=x",
            Ok(("a/b c", "&intent=transcription%26model%3Dx", &[])),
        );
        check(
            "model=m&call_id=1&api-version=2",
            Ok(("m", "", &["call_id", "api-version"])),
        );
        check("model=m&m%6fdel=n", Err(RefusalCode::InvalidRequest));
        check("model=", Err(RefusalCode::InvalidRequest));
        check("", Err(RefusalCode::InvalidRequest));
    }

    #[test]
    fn nothing_says_who_is_calling() {
        let fields = [
            (
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.fg_1",
            ),
            (
                "sec-websocket-protocol",
                "openai-project.p,openai-beta.realtime-v1",
            ),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("openai-beta", "realtime=v1"),
            ("openai-organization", "o"),
            ("authorization", "Bearer fg_1"),
            ("origin", "https://a.example"),
            ("cookie", "a=b"),
        ];
        let found = read(Method::GET, "model=m", &[&FIELDS[..], &fields].concat()).unwrap();
        let mut kept: Vec<(&str, &str)> = found
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        kept.sort_unstable();
        assert_eq!(
            kept,
            [
                ("openai-beta", "realtime=v1"),
                ("sec-websocket-key", "nonce"),
                (
                    "sec-websocket-protocol",
                    "realtime, openai-beta.realtime-v1"
                ),
                ("sec-websocket-version", "13"),
            ]
        );
    }
}
