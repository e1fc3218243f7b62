//! Cloudflare's `ai/run` of models that draw: some answer with JSON, some with the bytes.
//!
//! Source: Cloudflare's Workers AI documentation, the schemas of @cf/black-forest-labs/flux-1-schnell,
//! @cf/stabilityai/stable-diffusion-xl-base-1.0 and @cf/leonardo/phoenix-1.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{ImageAnswer, Picture, media_type_of};
use super::call::Call;
use super::request::Member;
use crate::Lossy;
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    call.no_source()?;
    let request = call.request;
    let mut carried = Vec::new();
    let mut w = Writer::with_capacity(256);
    w.open().text("prompt", &request.prompt);
    // It makes squares of 1024 pixels and nothing else.
    let only_squares = call.model.contains("flux-1-schnell");
    if let Some(size) = request.size {
        if !only_squares {
            w.member_if("width", call.unless_own("width", Some(size.width)).as_ref());
            w.member_if(
                "height",
                call.unless_own("height", Some(size.height)).as_ref(),
            );
        }
        if !only_squares || size.is_square_of(1024) {
            carried.push(Member::Size);
        }
    }
    if let Some(seed) = call.seed_up_to(u64::MAX) {
        w.member("seed", &seed);
        carried.push(Member::Seed);
    }
    w.rest(&request.extra);
    w.close();
    call.lose_all_but(&carried, lossy);
    Ok(w.into_bytes())
}

pub(super) fn read(body: &[u8]) -> Option<ImageAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let base64 = object.object("result").ok()??.text("image").ok()??;
    let media_type = media_type(&base64).unwrap_or("image/jpeg");
    Some(ImageAnswer::of(vec![Picture::of_base64(
        media_type, base64,
    )]))
}

/// What kind of picture it is, by its first bytes.
fn media_type(base64: &str) -> Option<&'static str> {
    media_type_of(&STANDARD.decode(base64.get(..16)?).ok()?)
}
