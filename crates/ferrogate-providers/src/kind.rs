//! The provider table: one row for each kind.

/// What a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// OpenAI itself.
    Openai,
    /// Any server that speaks OpenAI's API: vLLM, llama.cpp, LM Studio, TGI, SGLang, proxies.
    OpenaiCompatible,
    /// The built-in provider that answers with what it was asked.
    Echo,
}

/// A wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OpenAI's HTTP API.
    OpenAi,
    /// Answered in process.
    Echo,
}

/// How a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// None.
    None,
}

/// What is known of a kind.
#[derive(Clone, Copy, Debug)]
pub struct ProviderRow {
    /// The kind.
    pub kind: ProviderKind,
    /// Its key in configuration.
    pub key: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// What it speaks.
    pub protocol: Protocol,
    /// How its credential travels.
    pub auth: AuthScheme,
    /// Whether it cannot be called without a credential.
    pub needs_credential: bool,
    /// The API root, where there is one of its own.
    pub base_url: Option<&'static str>,
    /// The variable its key usually is in.
    pub key_variable: Option<&'static str>,
    /// Where its API is documented.
    pub documentation: &'static str,
}

const TABLE: [ProviderRow; 3] = [
    ProviderRow {
        kind: ProviderKind::Openai,
        key: "openai",
        display_name: "OpenAI",
        protocol: Protocol::OpenAi,
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: Some("https://api.openai.com/v1"),
        key_variable: Some("OPENAI_API_KEY"),
        documentation: "https://platform.openai.com/docs/api-reference",
    },
    ProviderRow {
        kind: ProviderKind::OpenaiCompatible,
        key: "openai-compatible",
        display_name: "OpenAI-compatible server",
        protocol: Protocol::OpenAi,
        auth: AuthScheme::Bearer,
        // Local servers ask for none; where one is configured but unset, the provider is disabled all the same.
        needs_credential: false,
        base_url: None,
        key_variable: None,
        documentation: "https://platform.openai.com/docs/api-reference",
    },
    ProviderRow {
        kind: ProviderKind::Echo,
        key: "echo",
        display_name: "Built-in echo",
        protocol: Protocol::Echo,
        auth: AuthScheme::None,
        needs_credential: false,
        base_url: None,
        key_variable: None,
        documentation: "docs/ai-gateway.md",
    },
];

impl ProviderKind {
    /// Every row.
    pub fn table() -> &'static [ProviderRow] {
        &TABLE
    }

    /// What is known of it.
    pub fn row(self) -> &'static ProviderRow {
        match self {
            Self::Openai => &TABLE[0],
            Self::OpenaiCompatible => &TABLE[1],
            Self::Echo => &TABLE[2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_its_own() {
        for row in ProviderKind::table() {
            assert_eq!(row.kind.row().key, row.key);
            assert!(!row.needs_credential || row.auth != AuthScheme::None);
            assert!(!row.documentation.is_empty() && !row.display_name.is_empty());
        }
    }
}
