//! Embeddings: vectors of texts, from one dialect to another.
//!
//! A caller's body is [read](read_request), written as one or [several calls](write_calls) because providers take
//! different numbers of texts at once, and the answers are [read](read_answer), [merged](merge) and
//! [written](write_answer). Numbers pass as the text they came as; only base64 is made here, from numbers, because
//! clients ask for it by default and most providers do not know it.

mod answer;
mod cohere;
mod gemini;
mod hugging_face;
mod nova;
mod ollama;
mod openai;
mod request;
mod task;
mod titan;
mod variant;
mod vector;
mod vertex;

pub use self::answer::{Asked, EmbeddingAnswer, merge};
pub use self::request::{EmbeddingRequest, Encoding, Input, InputPart, Truncate};
pub use self::task::Task;
pub use self::vector::Vector;
use crate::protocol::{Address, Untranslatable};
use crate::{DecodeError, EmbeddingDialect, Lossy, UpstreamFault};

/// Reads a caller's request. `address` is what the path told, for dialects that put the model there.
pub fn read_request<'a>(
    dialect: EmbeddingDialect,
    body: &'a [u8],
    address: Address<'a>,
) -> Result<EmbeddingRequest<'a>, DecodeError> {
    let request = match dialect {
        EmbeddingDialect::OpenAi => openai::read_request(body)?,
        EmbeddingDialect::Gemini => gemini::read_request(body, address)?,
        EmbeddingDialect::GeminiBatch => gemini::read_batch(body, &address)?,
        EmbeddingDialect::Cohere => cohere::read_request(body)?,
        // The others are only providers'.
        other => {
            return Err(DecodeError::NotServed {
                dialect: other.as_str(),
            });
        }
    };
    request.checked()
}

/// Writes the bodies of the calls that together answer a request, in the order of its inputs, naming in `lossy`
/// what they cannot carry. `model` is what the provider calls the model.
pub fn write_calls(
    dialect: EmbeddingDialect,
    request: &EmbeddingRequest<'_>,
    model: &str,
    lossy: &mut Lossy,
) -> Result<Vec<Vec<u8>>, Untranslatable> {
    let write = match dialect {
        EmbeddingDialect::OpenAi
        | EmbeddingDialect::Mistral
        | EmbeddingDialect::Nvidia
        | EmbeddingDialect::Qwen
        | EmbeddingDialect::Voyage
        | EmbeddingDialect::Jina
        | EmbeddingDialect::Perplexity
        | EmbeddingDialect::Tei => openai::write_call,
        EmbeddingDialect::Nova => nova::write_call,
        EmbeddingDialect::Ollama => ollama::write_call,
        EmbeddingDialect::HuggingFace => hugging_face::write_call,
        EmbeddingDialect::Gemini => gemini::write_call,
        EmbeddingDialect::GeminiBatch => gemini::write_batch,
        EmbeddingDialect::Vertex => vertex::write_call,
        EmbeddingDialect::Titan => titan::write_call,
        EmbeddingDialect::Cohere | EmbeddingDialect::BedrockCohere => cohere::write_call,
    };
    let call = request::Call {
        dialect,
        request,
        model,
    };
    let most = request.most_per_call(dialect, model);
    let calls = request.inputs.chunks(most.max(1));
    calls.map(|inputs| write(&call, inputs, lossy)).collect()
}

/// Reads the answer to one call; an error in a 200 body is a fault.
pub fn read_answer(
    dialect: EmbeddingDialect,
    body: &[u8],
) -> Result<EmbeddingAnswer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let read = match dialect {
        EmbeddingDialect::OpenAi
        | EmbeddingDialect::Mistral
        | EmbeddingDialect::Nvidia
        | EmbeddingDialect::Qwen
        | EmbeddingDialect::Voyage
        | EmbeddingDialect::Jina
        | EmbeddingDialect::Tei => openai::read_answer,
        EmbeddingDialect::Perplexity => openai::read_small_answer,
        EmbeddingDialect::Nova => nova::read_answer,
        EmbeddingDialect::Ollama => ollama::read_answer,
        EmbeddingDialect::HuggingFace => hugging_face::read_answer,
        EmbeddingDialect::Gemini | EmbeddingDialect::GeminiBatch => gemini::read_answer,
        EmbeddingDialect::Vertex => vertex::read_answer,
        EmbeddingDialect::Titan => titan::read_answer,
        EmbeddingDialect::Cohere | EmbeddingDialect::BedrockCohere => cohere::read_answer,
    };
    read(body).ok_or_else(|| UpstreamFault::because("the answer holds no embeddings"))
}

/// Writes an answer for a caller; a fault when the provider's numbers are none.
pub fn write_answer(
    dialect: EmbeddingDialect,
    answer: &EmbeddingAnswer<'_>,
    asked: &Asked,
) -> Result<Vec<u8>, UpstreamFault> {
    let written = match dialect {
        EmbeddingDialect::Gemini => gemini::write_answer(answer),
        EmbeddingDialect::GeminiBatch => gemini::write_batch_answer(answer),
        EmbeddingDialect::Cohere => cohere::write_answer(answer, asked),
        // The dialects that only providers speak have no callers; OpenAI's is the one everybody reads.
        _ => openai::write_answer(answer, asked),
    };
    written.ok_or_else(|| UpstreamFault::because("an embedding is not a list of numbers"))
}
