//! Callers of two dialects: how they ask, and how they read what they get.

use ferrogate_testkit::{Request, Response};
use serde_json::{Value, json};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Caller {
    /// In the providers' own dialect: answers pass as they came.
    OpenAi,
    /// In another one: answers are translated.
    Anthropic,
}

/// What a caller makes of an answer.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) text: String,
    /// Ends that look like one.
    pub(crate) ends: usize,
    /// The `type` and the `code` of errors.
    pub(crate) errors: Vec<(String, String)>,
    /// The message of the last one.
    pub(crate) message: String,
    /// Something came behind the end, or behind an error.
    pub(crate) more: bool,
}

impl Caller {
    pub(crate) fn request(self, model: &str, stream: bool) -> Request {
        let body = json!({
            "model": model, "max_tokens": 100, "stream": stream, "messages": [{ "role": "user", "content": "hi" }],
        });
        match self {
            Self::OpenAi => Request::post("/v1/chat/completions", &body),
            Self::Anthropic => Request::post("/v1/messages", &body),
        }
    }

    /// The status and the `type` under which this caller knows an error of this status; `provider` is what the provider
    /// said where its own words are told.
    pub(crate) fn knows(self, status: u16, provider: Option<&str>) -> (u16, &'static str) {
        let kind = match (self, status, provider) {
            (Self::OpenAi, 400 | 413 | 422, Some(_)) => "fake_error",
            (Self::OpenAi | Self::Anthropic, 400 | 422, _) | (Self::OpenAi, 404, _) => {
                "invalid_request_error"
            }
            (Self::OpenAi | Self::Anthropic, 429, _) => "rate_limit_error",
            (Self::OpenAi, ..) => "server_error",
            // Anthropic has a status of its own for a provider that has too much to do.
            (Self::Anthropic, 503, Some("529")) => return (529, "overloaded_error"),
            (Self::Anthropic, 503, _) => "overloaded_error",
            (Self::Anthropic, 404, _) => "not_found_error",
            (Self::Anthropic, 413, _) => "request_too_large",
            (Self::Anthropic, 504, _) => "timeout_error",
            (Self::Anthropic, ..) => "api_error",
        };
        (status, kind)
    }

    pub(crate) fn hear(self, response: &Response, stream: bool) -> Heard {
        let mut heard = Heard::default();
        let text = String::from_utf8_lossy(&response.body).into_owned();
        if stream && response.status == 200 {
            for (name, data) in events(&text) {
                heard.more |= heard.ends > 0 || !heard.errors.is_empty();
                self.hear_event(&mut heard, &name, &data);
            }
        } else {
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            heard.note_error(&body);
            let said = match self {
                Self::OpenAi => &body["choices"][0]["message"]["content"],
                Self::Anthropic => &body["content"][0]["text"],
            };
            heard.ends = usize::from(said.is_string());
            said.as_str()
                .unwrap_or_default()
                .clone_into(&mut heard.text);
        }
        heard
    }

    fn hear_event(self, heard: &mut Heard, name: &str, data: &str) {
        if self == Self::OpenAi && data == "[DONE]" {
            heard.ends += 1;
            return;
        }
        let json: Value = serde_json::from_str(data).unwrap_or_else(|error| {
            json!({ "error": { "type": "junk", "message": format!("{error} in {data:.80}") } })
        });
        heard.note_error(&json);
        let said = match self {
            Self::OpenAi => &json["choices"][0]["delta"]["content"],
            Self::Anthropic => &json["delta"]["text"],
        };
        heard.text += said.as_str().unwrap_or_default();
        if self == Self::Anthropic {
            heard.ends += usize::from(name == "message_stop");
            if name != json["type"] {
                heard.errors.push((format!("event {name}"), String::new()));
            }
        }
    }
}

impl Heard {
    fn note_error(&mut self, json: &Value) {
        let error = &json["error"];
        if error.is_null() {
            return;
        }
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        self.errors.push((text("type"), text("code")));
        self.message = text("message");
    }
}

/// The events of a stream with data, by name: as WHATWG HTML, section 9.2.6, reads them.
fn events(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut events = Vec::new();
    // What stands behind the last blank line is no event.
    let complete = text
        .rsplit_once("\n\n")
        .map_or("", |(complete, _)| complete);
    for block in complete.split("\n\n") {
        let mut name = String::new();
        let mut data: Vec<&str> = Vec::new();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            events.push((name, data.join("\n")));
        }
    }
    events
}
