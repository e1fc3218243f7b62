//! Requests and answers of embeddings and rankings, however broken: refused, or objects.

#![no_main]

mod dialects;

use dialects::assert_object;
use ferrogate_llm::embeddings::{self, EmbeddingRequest};
use ferrogate_llm::rerank::{self, RerankRequest};
use ferrogate_llm::{Address, Dialect, EmbeddingDialect, Lossy, RerankDialect};
use libfuzzer_sys::fuzz_target;

const EMBEDDINGS: [EmbeddingDialect; 17] = [
    EmbeddingDialect::OpenAi,
    EmbeddingDialect::Gemini,
    EmbeddingDialect::GeminiBatch,
    EmbeddingDialect::Cohere,
    EmbeddingDialect::Vertex,
    EmbeddingDialect::Titan,
    EmbeddingDialect::BedrockCohere,
    EmbeddingDialect::Nova,
    EmbeddingDialect::Mistral,
    EmbeddingDialect::Nvidia,
    EmbeddingDialect::Qwen,
    EmbeddingDialect::Voyage,
    EmbeddingDialect::Jina,
    EmbeddingDialect::Perplexity,
    EmbeddingDialect::Tei,
    EmbeddingDialect::Ollama,
    EmbeddingDialect::HuggingFace,
];
const RANKINGS: [RerankDialect; 9] = [
    RerankDialect::Cohere,
    RerankDialect::Jina,
    RerankDialect::Voyage,
    RerankDialect::Nvidia,
    RerankDialect::BedrockCohere,
    RerankDialect::BedrockAmazon,
    RerankDialect::DeepInfra,
    RerankDialect::Cloudflare,
    RerankDialect::Tei,
];

// The first two bytes choose the dialects. What is before the first zero byte is the request, what is behind it the answer.
fuzz_target!(|data: &[u8]| {
    let [from, to, data @ ..] = data else {
        return;
    };
    let (from, to) = (usize::from(*from), usize::from(*to));
    let at = |choice: usize| EMBEDDINGS[choice % EMBEDDINGS.len()];
    let mut bodies = data.splitn(2, |byte| *byte == 0);
    let request = bodies.next().unwrap_or_default();
    let answer = bodies.next().unwrap_or_default();

    let address = Address {
        model: Some("asked".into()),
        stream: false,
    };
    if let Ok(read) = embeddings::read_request(at(from), request, address) {
        embed(at(from), at(to), &read, answer);
    }
    if let Ok(read) = rerank::read_request(request) {
        rank(RANKINGS[to % RANKINGS.len()], &read, answer);
    }
});

fn embed(
    from: EmbeddingDialect,
    to: EmbeddingDialect,
    request: &EmbeddingRequest<'_>,
    answer: &[u8],
) {
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let Ok(calls) = embeddings::write_calls(to, request, "sent-to", &mut lossy) else {
        return;
    };
    for call in &calls {
        assert_object(call, "a call");
    }
    if let Ok(read) = embeddings::read_answer(to, answer)
        && let Ok(written) = embeddings::write_answer(from, &read, &request.asked("id"))
    {
        assert_object(&written, "an answer");
    }
}

fn rank(to: RerankDialect, request: &RerankRequest<'_>, answer: &[u8]) {
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let Ok(call) = rerank::write_request(to, request, "sent-to", &mut lossy) else {
        return;
    };
    assert_object(&call, "a call");
    if let Ok(read) = rerank::read_answer(answer) {
        assert_object(&rerank::write_answer(&read, request, "id"), "an answer");
    }
}
