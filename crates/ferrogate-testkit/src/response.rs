//! An answer as it came.

use serde_json::Value;

use crate::Head;

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Status line and fields.
    pub head: Head,
    /// The body, unframed.
    pub body: Vec<u8>,
    /// Whether the body ended as its framing said, and not with the connection.
    pub complete: bool,
}

impl Response {
    /// A field of the head, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.head.field(name).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The `code` of the error envelope, checked for its shape; empty when there is no error.
    pub fn error_code(&self) -> String {
        let json = self.json();
        let Some(error) = json.get("error") else {
            return String::new();
        };
        let text = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        assert!(
            !text("message").is_empty() && !text("type").is_empty(),
            "not an error envelope: {json}"
        );
        assert!(
            error.get("param").is_some(),
            "the envelope lacks `param`: {json}"
        );
        text("code")
    }

    /// The data of each event of a stream.
    pub fn events(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(str::to_owned)
            .collect()
    }

    /// The answer, if it has this status; fails the test otherwise, with the body.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{:?}\n{}",
            self.head,
            String::from_utf8_lossy(&self.body)
        );
        self
    }
}
