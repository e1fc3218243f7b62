//! Where a request to a provider goes, and what it carries beside its body.

use ferrogate_llm::{Dialect, Operation, Quirk};
use ferrogate_types::{Secret, SecretOrigin};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{AuthScheme, ProviderSpec};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// What is asked, in the provider's dialect.
    pub operation: Operation,
    /// The path with its query, below the API root.
    pub path: String,
    /// What the end of the API root is left out before the path, if it ends so.
    pub outside: Option<&'static str>,
}

/// What stays as it is in one segment of a path. RFC 3986, section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl ProviderSpec {
    /// Where a request for that model goes; `None` where the kind does not serve what is asked.
    pub fn wire(&self, asked: Operation, model: &str, stream: bool) -> Option<Wire> {
        let row = self.kind.row();
        let endpoint = row.endpoint(asked, model)?;
        let template = endpoint
            .stream_path
            .filter(|_| stream)
            .unwrap_or(endpoint.path);
        let path = match (row.auth, self.setting("api_version")) {
            // Source: Azure OpenAI's "Realtime API" how-to: the deployment is in the query there.
            (AuthScheme::Azure, Some(version)) if endpoint.operation == Operation::Realtime => {
                format!(
                    "/openai/realtime?api-version={}&deployment={}",
                    segment(version.expose()),
                    segment(self.model_name(model))
                )
            }
            // Azure's older form: the deployment in the path, the version in the query.
            (AuthScheme::Azure, Some(version)) if template.starts_with("/openai/v1/") => {
                let operation = template.strip_prefix("/openai/v1").unwrap_or(template);
                let deployment = self.setting("deployment").map_or(model, Secret::expose);
                format!(
                    "/openai/deployments/{}{operation}?api-version={}",
                    segment(deployment),
                    segment(version.expose())
                )
            }
            // A deployment stands for the model wherever that is named outside a body.
            _ => self.fill(template, self.model_name(model)),
        };
        Some(Wire {
            operation: endpoint.operation,
            path,
            outside: endpoint.outside,
        })
    }

    /// What the provider is asked for where it does not take the model's own name.
    pub fn model_name<'a>(&'a self, model: &'a str) -> &'a str {
        if self.kind.row().auth == AuthScheme::Azure {
            return self.setting("deployment").map_or(model, Secret::expose);
        }
        model
    }

    /// How it departs from its dialect in what it is asked.
    pub fn quirks_for(&self, operation: Operation) -> &'static [Quirk] {
        match operation {
            Operation::Chat(Dialect::OpenAiChat) => self.kind.row().quirks,
            // Source: Vertex AI's documentation, "Use Claude models": the model is in the path, the version in the body.
            Operation::Chat(Dialect::Anthropic) if self.kind.row().auth == AuthScheme::Google => &[
                Quirk::Drop("model"),
                Quirk::Add("anthropic_version", "vertex-2023-10-16"),
            ],
            _ => &[],
        }
    }

    fn fill(&self, template: &str, model: &str) -> String {
        // A model may be written as Google lists it.
        let model = model.strip_prefix("models/").unwrap_or(model);
        let mut path = String::with_capacity(template.len() + model.len());
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('{') {
            path.push_str(before);
            let Some((name, behind)) = behind.split_once('}') else {
                break;
            };
            match name {
                "model" => path.push_str(&segment(model)),
                // An owner and a name: two segments. Cloudflare's owners begin with `@cf/`.
                "model/" => {
                    let parts: Vec<String> = model.split('/').map(segment).collect();
                    path.push_str(&parts.join("/").replace("%40", "@"));
                }
                setting => {
                    let value = self.setting(setting).map_or("", Secret::expose);
                    path.push_str(&segment(value));
                }
            }
            rest = behind;
        }
        path.push_str(rest);
        path
    }

    /// Puts a key on a request, and the headers of the kind's own settings. What signs a request or fetches a token
    /// does so elsewhere.
    pub fn dress(&self, headers: &mut HeaderMap, credential: Option<&Secret>) {
        let row = self.kind.row();
        if let Some(credential) = credential {
            match row.auth {
                AuthScheme::Bearer | AuthScheme::Aws | AuthScheme::Databricks => {
                    let bearer = format!("Bearer {}", credential.expose());
                    put(headers, "authorization", &bearer);
                }
                // A token, as Anthropic's own tools take it, and no key.
                AuthScheme::Header(_)
                    if *credential.origin() == SecretOrigin::Env(AUTH_TOKEN.to_owned()) =>
                {
                    put(
                        headers,
                        "authorization",
                        &format!("Bearer {}", credential.expose()),
                    );
                }
                AuthScheme::Header(name) => put(headers, name, credential.expose()),
                AuthScheme::Google => put(headers, "x-goog-api-key", credential.expose()),
                AuthScheme::Azure => put(headers, "api-key", credential.expose()),
                AuthScheme::None => {}
            }
        }
        for (setting, header) in SETTING_HEADERS {
            if let Some(value) = self.setting(setting) {
                put(headers, header, value.expose());
            }
        }
        for (name, secret) in &self.headers {
            put(headers, name, secret.expose());
        }
    }
}

/// Source: Anthropic's SDKs, `auth_token`.
const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// Settings that are sent as headers. Sources: OpenAI's API reference, "Authentication"; OpenRouter's, "Headers".
const SETTING_HEADERS: [(&str, &str); 4] = [
    ("organization", "openai-organization"),
    ("project", "openai-project"),
    ("http_referer", "http-referer"),
    ("x_title", "x-title"),
];

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(mut value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_str(value),
    ) {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}

/// Text as one segment of a path: nothing in it can end the segment or climb out of it.
fn segment(text: &str) -> String {
    match text {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(text, SEGMENT).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProviderKind;

    fn spec(kind: &str, settings: &[(&str, &str)]) -> ProviderSpec {
        ProviderSpec {
            kind: ProviderKind::named(kind).unwrap(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::literal(*value)))
                .collect(),
            ..crate::registry::tests::provider("p")
        }
    }

    #[test]
    fn fills_in_what_the_path_names() {
        let chat = Operation::Chat(Dialect::OpenAiChat);
        let azure = [("api_version", "2024-10-21"), ("deployment", "my gpt/4")];
        let vertex = [("project_id", "p-1"), ("region", "europe-west4")];
        for (kind, settings, model, stream, expected) in [
            ("openai", &[][..], "m", false, "/chat/completions"),
            (
                "gemini",
                &[][..],
                "models/gemini-3",
                false,
                "/v1beta/models/gemini-3:generateContent",
            ),
            (
                "gemini",
                &[][..],
                "../x?y",
                true,
                "/v1beta/models/..%2Fx%3Fy:streamGenerateContent?alt=sse",
            ),
            (
                "bedrock",
                &[("region", "us-east-1")][..],
                "a.b-v1:0",
                true,
                "/model/a.b-v1%3A0/converse-stream",
            ),
            (
                "azure",
                &azure[..],
                "m",
                false,
                "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21",
            ),
            ("azure", &[][..], "m", false, "/openai/v1/chat/completions"),
            (
                "vertex-ai",
                &vertex[..],
                "claude-x@1",
                false,
                "/v1/projects/p-1/locations/europe-west4/publishers/anthropic/models/claude-x%401:rawPredict",
            ),
            (
                "replicate",
                &[][..],
                "meta/llama/..",
                false,
                "/v1/models/meta/llama/%2E%2E/predictions",
            ),
        ] {
            let wire = spec(kind, settings).wire(chat, model, stream).unwrap();
            assert_eq!(wire.path, expected, "{kind}");
        }
        for (kind, settings, expected) in [
            ("openai", &[][..], Some("/realtime?model=gpt%2Fx%261")),
            ("azure", &[], Some("/openai/v1/realtime?model=gpt%2Fx%261")),
            (
                "azure",
                &azure[1..],
                Some("/openai/v1/realtime?model=my%20gpt%2F4"),
            ),
            (
                "azure",
                &azure[..],
                Some("/openai/realtime?api-version=2024-10-21&deployment=my%20gpt%2F4"),
            ),
            ("anthropic", &[], None),
        ] {
            let wire = spec(kind, settings).wire(Operation::Realtime, "gpt/x&1", false);
            assert_eq!(wire.map(|wire| wire.path).as_deref(), expected, "{kind}");
        }
        assert_eq!(
            spec("anthropic", &[]).wire(Operation::IMAGES, "m", false),
            None
        );
    }

    #[test]
    fn sends_the_key_where_the_vendor_looks_for_it() {
        for (kind, header, value) in [
            ("openai", "authorization", "Bearer k"),
            ("anthropic", "x-api-key", "k"),
            ("gemini", "x-goog-api-key", "k"),
            ("azure", "api-key", "k"),
            ("bedrock", "authorization", "Bearer k"),
        ] {
            let mut headers = HeaderMap::new();
            spec(kind, &[("organization", "o")]).dress(&mut headers, Some(&Secret::literal("k")));
            assert_eq!(headers[header], value, "{kind}");
            assert!(headers[header].is_sensitive() && headers["openai-organization"] == "o");
        }
        let token = Secret::new("t", SecretOrigin::Env(AUTH_TOKEN.to_owned()));
        let mut headers = HeaderMap::new();
        spec("anthropic", &[]).dress(&mut headers, Some(&token));
        assert_eq!(headers["authorization"], "Bearer t");
        assert!(!headers.contains_key("x-api-key"));
    }
}
