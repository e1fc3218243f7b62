//! One line of the access log.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

/// What the log says of a request. Names follow Caddy's access log where it has one.
#[derive(Clone, Debug, Serialize)]
pub struct AccessEntry<'a> {
    /// `info`, or `error` for 5xx.
    pub level: &'static str,
    /// Seconds since 1970 at which the request ended.
    pub ts: f64,
    /// Always `http.log.access`.
    pub logger: &'static str,
    /// Always `handled request`.
    pub msg: &'static str,
    /// The request's id.
    pub request_id: &'a str,
    /// The TCP peer; empty on Unix sockets.
    pub remote_ip: &'a str,
    /// The client, as trusted proxies tell it.
    pub client_ip: &'a str,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub proto: &'a str,
    /// The method.
    pub method: &'a str,
    /// The host as sent.
    pub host: &'a str,
    /// Path and query as received; query values of credentials are replaced.
    pub uri: &'a str,
    /// The path as received.
    pub path: &'a str,
    /// The status; 499 when the client left before one was sent.
    pub status: u16,
    /// Bytes of the answer's body.
    pub size: u64,
    /// Bytes of the request's body that were read.
    pub bytes_read: u64,
    /// Seconds from the first byte of the request's header to the end.
    pub duration: f64,
    /// The upstream that answered, or was tried last.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub upstream: &'a str,
    /// What ended it early, if anything did.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
    /// The model call, if it was one.
    #[serde(flatten)]
    pub call: Option<ModelCall<'a>>,
}

/// What the log says of a model call.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCall<'a> {
    /// `chat`, `embeddings`, …
    pub surface: &'a str,
    /// The key's id; empty without one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub key: &'a str,
    /// The model asked for.
    pub model: &'a str,
    /// The provider that answered, or was tried last.
    pub provider: &'a str,
    /// What it was asked for.
    pub upstream_model: &'a str,
    /// Each try: provider, result and milliseconds.
    #[serde(serialize_with = "joined")]
    pub attempts: &'a [String],
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Produced tokens.
    pub output_tokens: u64,
    /// Whether the tokens are the gateway's estimate.
    pub estimated: bool,
    /// Cost in US dollars as a decimal; empty when unpriced.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cost: &'a str,
    /// Seconds from the request to the first event of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft: Option<f64>,
}

fn joined<S: Serializer>(attempts: &&[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(attempts.iter())
}

impl AccessEntry<'_> {
    /// One JSON object and a line feed.
    pub fn to_json_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// One line for people.
    pub fn to_console_line(&self) -> Vec<u8> {
        let mut line = String::with_capacity(160);
        let milliseconds = self.duration * 1000.0;
        // Writing to a string cannot fail.
        let _written = write!(
            line,
            "{} {} {} {} {}{} {} {}B {milliseconds:.1}ms",
            Clock(self.ts),
            self.level,
            self.status,
            self.method,
            self.host,
            self.uri,
            self.proto,
            self.size,
        );
        let call = self.call.as_ref();
        for (name, value) in [
            ("upstream", self.upstream),
            ("model", call.map_or("", |call| call.model)),
            ("provider", call.map_or("", |call| call.provider)),
            ("error", self.error),
            ("id", self.request_id),
        ] {
            if !value.is_empty() {
                let _written = write!(line, " {name}={}", value.escape_debug());
            }
        }
        line.push('\n');
        line.into_bytes()
    }
}

/// The time of day in UTC.
struct Clock(f64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of_day = self.0.rem_euclid(86_400.0);
        let (hours, minutes) = (
            (of_day / 3600.0).floor(),
            (of_day / 60.0).floor().rem_euclid(60.0),
        );
        write!(
            f,
            "{hours:02}:{minutes:02}:{:06.3}",
            of_day.rem_euclid(60.0)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> AccessEntry<'static> {
        AccessEntry {
            level: "info",
            ts: 3_661.5,
            logger: "http.log.access",
            msg: "handled request",
            request_id: "id",
            remote_ip: "127.0.0.1",
            client_ip: "127.0.0.1",
            proto: "HTTP/1.1",
            method: "GET",
            host: "example.com",
            uri: "/a?b",
            path: "/a",
            status: 200,
            size: 5,
            bytes_read: 0,
            duration: 0.0125,
            upstream: "",
            error: "",
            call: None,
        }
    }

    #[test]
    fn json_is_one_line_whatever_is_in_it() {
        let mut evil = entry();
        evil.uri = "/\"\n{}";
        let line = evil.to_json_line();
        assert_eq!(
            line.iter().position(|&byte| byte == b'\n'),
            Some(line.len() - 1)
        );
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["uri"], "/\"\n{}");
        assert!(value.get("model").is_none() && value.get("upstream").is_none());
    }

    #[test]
    fn console_is_for_people() {
        let line = String::from_utf8(entry().to_console_line()).unwrap();
        assert_eq!(
            line,
            "01:01:01.500 info 200 GET example.com/a?b HTTP/1.1 5B 12.5ms id=id\n"
        );
    }

    #[test]
    fn a_call_lies_flat_in_the_entry() {
        let mut entry = entry();
        let attempts = ["a: 503 in 2 ms".to_owned()];
        entry.call = Some(ModelCall {
            surface: "chat",
            key: "k",
            model: "m",
            provider: "p",
            upstream_model: "u",
            attempts: &attempts,
            stream: true,
            input_tokens: 1,
            output_tokens: 2,
            estimated: false,
            cost: "0.1",
            ttft: Some(0.2),
        });
        let value: serde_json::Value = serde_json::from_slice(&entry.to_json_line()).unwrap();
        assert_eq!(
            (&value["model"], &value["attempts"][0]),
            (&"m".into(), &"a: 503 in 2 ms".into())
        );
    }
}
