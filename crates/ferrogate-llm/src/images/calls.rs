//! The calls that together make the pictures.

use bytes::Bytes;

use super::call::Call;
use super::{
    ImageDialect, ImageRequest, amazon, cloudflare, gemini, hugging_face, imagen, replicate,
    stability,
};
use crate::Lossy;
use crate::protocol::Untranslatable;

/// The calls that together make the pictures of a request. Each is written when it is made: with the pictures that are
/// edited in all of them, they would take much room at once.
#[derive(Debug)]
pub struct Calls<'r, 'a> {
    dialect: ImageDialect,
    request: &'r ImageRequest<'a>,
    model: &'r str,
    first: Bytes,
}

impl<'r, 'a> Calls<'r, 'a> {
    /// Writes the first one, naming in `lossy` what none of them can carry. `model` is what the provider calls the
    /// model.
    pub fn new(
        dialect: ImageDialect,
        request: &'r ImageRequest<'a>,
        model: &'r str,
        lossy: &mut Lossy,
    ) -> Result<Self, Untranslatable> {
        if request.stream {
            return Err(Untranslatable::new(
                "stream",
                "this provider does not stream pictures: leave `stream` out",
            ));
        }
        let first = write(&Call::new(dialect, request, model, 0), lossy)?;
        Ok(Self {
            dialect,
            request,
            model,
            first: first.into(),
        })
    }

    /// How many there are, at least one.
    pub fn count(&self) -> u64 {
        self.request.n.div_ceil(self.dialect.most_per_call()).max(1)
    }

    /// The body of one, counted from 0.
    pub fn body(&self, place: u64) -> Result<Bytes, Untranslatable> {
        let call = |place| Call::new(self.dialect, self.request, self.model, place);
        if call(place).is_like(&call(0)) {
            return Ok(self.first.clone());
        }
        // What it cannot carry is what the first could not.
        let mut lossy = Lossy::new(crate::Dialect::OpenAiChat);
        write(&call(place), &mut lossy).map(Bytes::from)
    }
}

fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    match call.dialect {
        ImageDialect::OpenAi => Err(Untranslatable::new(
            "model",
            "requests of OpenAI's own form pass as they are",
        )),
        ImageDialect::Gemini => gemini::write(call, lossy),
        ImageDialect::Imagen => imagen::write(call, lossy),
        ImageDialect::Amazon => amazon::write(call, lossy),
        ImageDialect::Stability => stability::write(call, lossy),
        ImageDialect::Replicate => replicate::write(call, lossy),
        ImageDialect::HuggingFace => hugging_face::write(call, lossy),
        ImageDialect::Cloudflare => cloudflare::write(call, lossy),
    }
}
