//! The model surfaces a caller can address.

use ferrogate_types::Scope;

/// An operation of OpenAI's API that the gateway serves through its pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
}

/// One row for each surface: path at the gateway, path below a provider's API root, scope, name in logs.
const TABLE: [(Surface, &str, &str, Scope, &str); 4] = [
    (
        Surface::Chat,
        "/v1/chat/completions",
        "/chat/completions",
        Scope::ChatCompletions,
        "chat",
    ),
    (
        Surface::Completions,
        "/v1/completions",
        "/completions",
        Scope::ChatCompletions,
        "completions",
    ),
    (
        Surface::Embeddings,
        "/v1/embeddings",
        "/embeddings",
        Scope::EmbeddingsCreate,
        "embeddings",
    ),
    (
        Surface::Responses,
        "/v1/responses",
        "/responses",
        Scope::ResponsesCreate,
        "responses",
    ),
];

impl Surface {
    /// The surface at a path of the gateway.
    pub fn at(path: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == path).map(|row| row.0)
    }

    /// The path below a provider's API root.
    pub fn upstream_path(self) -> &'static str {
        self.row().2
    }

    /// What a key needs to use it.
    pub fn scope(self) -> Scope {
        self.row().3
    }

    /// The name in logs and metrics; OpenTelemetry's `gen_ai.operation.name` where it has one.
    pub fn as_str(self) -> &'static str {
        self.row().4
    }

    /// Whether a stream ends with `data: [DONE]`; the Responses API ends with a named event instead.
    pub fn ends_with_done(self) -> bool {
        self != Self::Responses
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, Scope, &'static str) {
        match self {
            Self::Chat => &TABLE[0],
            Self::Completions => &TABLE[1],
            Self::Embeddings => &TABLE[2],
            Self::Responses => &TABLE[3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_its_own() {
        for (surface, path, upstream, scope, name) in TABLE {
            assert_eq!(Surface::at(path), Some(surface));
            assert_eq!(
                (surface.upstream_path(), surface.scope(), surface.as_str()),
                (upstream, scope, name)
            );
        }
        assert_eq!(Surface::at("/v1/chat/completions/"), None);
    }
}
