//! Stability AI on Bedrock: Stable Diffusion 3, Stable Image Core and Ultra.
//!
//! Source: Amazon Bedrock's user guide, "Stability AI models" and "Stability AI Image Services".

use super::answer::{ImageAnswer, Picture};
use super::call::Call;
use super::request::Member;
use super::{ImageTask, mask};
use crate::Lossy;
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;

const RATIOS: [&str; 9] = [
    "1:1", "2:3", "3:2", "4:5", "5:4", "9:16", "16:9", "9:21", "21:9",
];

/// How far an edited picture may go from the one it is made of: what the user guide's example has. OpenAI has no
/// word for it, and without one the request is refused.
const STRENGTH: f64 = 0.75;

/// The largest seed.
const MOST_SEED: u64 = 4_294_967_294;

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    let mut carried = Vec::new();
    let mut w = Writer::with_capacity(256);
    w.open().text("prompt", &call.request.prompt);
    if call.request.task == ImageTask::Generate {
        w.text("mode", "text-to-image");
        if let Some(size) = call.request.size {
            w.text("aspect_ratio", size.nearest_ratio(&RATIOS));
            if size.is_square_of(1024) {
                carried.push(Member::Size);
            }
        }
    } else if call.model.contains("inpaint") {
        w.text("image", call.one_source()?);
        if let Some(mask) = call.mask()? {
            w.text("mask", &mask::drawn(mask, mask::Ink::White)?);
        }
    } else {
        call.no_mask()?;
        w.text("mode", "image-to-image");
        w.text("image", call.one_source()?);
        w.member("strength", &STRENGTH);
    }
    if let Some(format @ ("png" | "jpeg")) = call.format() {
        w.text("output_format", format);
        carried.push(Member::OutputFormat);
    }
    if let Some(seed) = call.seed_up_to(MOST_SEED) {
        w.member("seed", &seed);
        carried.push(Member::Seed);
    }
    w.close();
    call.lose_all_but(&carried, lossy);
    call.lose_extra(lossy);
    Ok(w.into_bytes())
}

pub(super) fn read(body: &[u8]) -> Option<ImageAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let reasons = object.array("finish_reasons").ok()?.unwrap_or_default();
    let why = reasons.into_iter().find_map(json::text);
    if let Some(why) = why {
        // The picture that may be there is blurred.
        return Some(ImageAnswer::refused(why));
    }
    let images = object.array("images").ok()??;
    let pictures = images.into_iter().map(|raw| {
        let base64 = json::text(raw)?;
        // A JPEG begins with FF D8 FF.
        let media_type = if base64.starts_with("/9j/") {
            "image/jpeg"
        } else {
            "image/png"
        };
        Some(Picture::of_base64(media_type, base64))
    });
    Some(ImageAnswer::of(pictures.collect::<Option<_>>()?))
}
