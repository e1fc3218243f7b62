//! Pictures: made from a text, or from pictures, by providers of other dialects than OpenAI's.
//!
//! A caller's body, JSON or a form, is [read](read_request), written as one or [several calls](Calls) because
//! providers make different numbers of pictures at once, and the answers are [read](read_answer), [merged](merge) and
//! [written](write_answer). A picture passes as the base64 it came as. Nothing is fetched from the network: a picture
//! that a provider gives by URL is answered by URL.

mod amazon;
mod answer;
mod call;
mod calls;
mod cloudflare;
mod gemini;
mod hugging_face;
mod imagen;
mod mask;
mod read;
mod replicate;
mod request;
mod size;
mod stability;

pub use self::answer::{ImageAnswer, NoPicture, Picture, merge, write_answer};
pub use self::calls::Calls;
pub use self::read::read_request;
pub use self::request::{ImageRequest, ImageTask};
pub use self::size::Size;
use crate::UpstreamFault;

/// A wire dialect of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageDialect {
    /// OpenAI's, which most providers speak.
    OpenAi,
    /// Google's `generateContent`, of models that draw.
    Gemini,
    /// Google's `predict`, of Imagen.
    Imagen,
    /// Amazon's Titan Image Generator and Nova Canvas on Bedrock.
    Amazon,
    /// Stability AI on Bedrock.
    Stability,
    /// Replicate's predictions.
    Replicate,
    /// Hugging Face's text-to-image task, which answers with the bytes.
    HuggingFace,
    /// Cloudflare's `ai/run`.
    Cloudflare,
}

impl ImageDialect {
    /// The pictures a provider makes in one call.
    ///
    /// Source: Vertex AI's reference, "Imagen API", `sampleCount`; Amazon Bedrock's user guide, "Amazon Titan Image
    /// Generator", `numberOfImages`. Models on Replicate differ in whether they make several.
    fn most_per_call(self) -> u64 {
        match self {
            Self::OpenAi => request::MOST_MADE,
            Self::Imagen => 4,
            Self::Amazon => 5,
            Self::Gemini
            | Self::Stability
            | Self::Replicate
            | Self::HuggingFace
            | Self::Cloudflare => 1,
        }
    }

    /// Whether its answers say where pictures are instead of bringing them.
    fn gives_urls(self) -> bool {
        self == Self::Replicate
    }
}

/// Reads the answer to one call. `media_type` is what its header says; some providers answer with a picture's bytes.
pub fn read_answer<'a>(
    dialect: ImageDialect,
    media_type: &str,
    body: &'a [u8],
) -> Result<ImageAnswer<'a>, UpstreamFault> {
    let bare = matches!(
        dialect,
        ImageDialect::HuggingFace | ImageDialect::Cloudflare
    );
    if bare && let Some(picture) = Picture::of_bytes(media_type, body) {
        return Ok(ImageAnswer::of(vec![picture]));
    }
    let read = match dialect {
        ImageDialect::Gemini => return gemini::read(body),
        ImageDialect::Imagen => imagen::read(body),
        ImageDialect::Amazon => amazon::read(body),
        ImageDialect::Stability => stability::read(body),
        ImageDialect::Replicate => replicate::read(body),
        ImageDialect::Cloudflare => cloudflare::read(body),
        ImageDialect::OpenAi | ImageDialect::HuggingFace => None,
    };
    read.ok_or_else(|| {
        UpstreamFault::in_answer(body)
            .unwrap_or_else(|| UpstreamFault::because("the answer holds no pictures"))
    })
}
