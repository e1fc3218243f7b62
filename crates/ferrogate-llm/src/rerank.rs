//! Documents by how well they answer a query.
//!
//! Callers speak Cohere's dialect; providers name things otherwise, in the request, in the answer, or in both. Documents
//! are echoed here when the caller asks for it, because most providers do not. Sources: Cohere's API reference, `POST
//! /v2/rerank`; Jina's, "Reranker API"; Voyage's, "Reranker"; NVIDIA NIM's, "Reranking"; Amazon Bedrock's user guide,
//! "Use a reranker model"; DeepInfra's model pages, "Reranker"; Cloudflare's `bge-reranker-base`; Text Embeddings
//! Inference's OpenAPI document, `RerankRequest`.

mod answer;
mod request;
mod write;

pub use self::answer::{Ranked, RerankAnswer, read_answer, write_answer};
pub use self::request::{Document, RerankRequest, read_request};
pub use self::write::write_request;

/// A wire dialect of reranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RerankDialect {
    /// Cohere's, version 2.
    Cohere,
    /// Jina's, which most others took over: Cohere's request, and answers that differ in names.
    Jina,
    /// Voyage's, which says `top_k`.
    Voyage,
    /// NVIDIA NIM's, of passages and logits.
    Nvidia,
    /// Cohere's model behind Bedrock's `invoke`, where the path names it.
    BedrockCohere,
    /// Amazon's model behind Bedrock's `invoke`.
    BedrockAmazon,
    /// DeepInfra's, of pairs and scores; the path names the model.
    DeepInfra,
    /// Cloudflare's, of contexts; the path names the model.
    Cloudflare,
    /// Text Embeddings Inference's, of texts; the server has one model.
    Tei,
}
