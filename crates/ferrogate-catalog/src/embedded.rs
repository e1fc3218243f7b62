//! The catalog that is part of the program.

use std::sync::LazyLock;

use crate::Catalog;

/// The rows of each provider, and the families of all.
macro_rules! files {
    ($($name:literal)+) => {
        &[$((concat!($name, ".catalog"), include_str!(concat!("../data/", $name, ".catalog")))),+]
    };
}

const FILES: &[(&str, &str)] = files! {
    "families"
    "ai21"
    "anthropic"
    "azure-openai"
    "bedrock"
    "cerebras"
    "cloudflare"
    "cohere"
    "databricks"
    "deepinfra"
    "deepseek"
    "fireworks"
    "gemini"
    "groq"
    "hugging-face"
    "mistral"
    "moonshot"
    "novita"
    "nvidia-nim"
    "ollama-cloud"
    "openai"
    "openrouter"
    "perplexity"
    "qwen"
    "replicate"
    "sambanova"
    "together"
    "vertex-ai"
    "xai"
};

static EMBEDDED: LazyLock<Catalog> = LazyLock::new(Catalog::read_embedded);

impl Catalog {
    /// The catalog that is part of the program, read once, at the first call.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads the catalog that is part of the program.
    ///
    /// # Panics
    ///
    /// Never: the text is part of the program, and a test reads it.
    pub fn read_embedded() -> Self {
        Self::parse_all(FILES.iter().copied())
            .unwrap_or_else(|errors| unreachable!("the embedded catalog is broken: {errors:?}"))
    }
}

#[cfg(test)]
mod tests;
