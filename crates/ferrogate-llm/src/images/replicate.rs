//! Replicate: a prediction whose output is where the pictures are, for an hour.
//!
//! Each model has inputs of its own, and those it does not know are ignored; written are the names that most have.
//! Source: Replicate's HTTP API, "Create a prediction"; the input schemas of black-forest-labs/flux-schnell,
//! black-forest-labs/flux-1.1-pro and google/imagen-4.

use serde_json::value::RawValue;

use super::answer::{ImageAnswer, Picture};
use super::call::Call;
use super::request::Member;
use crate::Lossy;
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;
use crate::replicate::{Prediction, PredictionStatus, write_version};

const RATIOS: [&str; 11] = [
    "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "9:21", "21:9",
];

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    call.no_source()?;
    let request = call.request;
    // Its size in pixels is the model's own.
    let mut carried = vec![Member::OutputCompression];
    let mut w = Writer::with_capacity(256);
    w.open();
    write_version(call.model, &mut w);
    w.key("input").open().text("prompt", &request.prompt);
    let ratio = request.size.map(|size| size.nearest_ratio(&RATIOS));
    w.text_if("aspect_ratio", call.unless_own("aspect_ratio", ratio));
    if let Some(seed) = call.seed_up_to(u64::MAX) {
        w.member("seed", &seed);
        carried.push(Member::Seed);
    }
    if let Some(format @ ("png" | "webp" | "jpeg")) = call.format() {
        w.text(
            "output_format",
            if format == "jpeg" { "jpg" } else { format },
        );
        carried.push(Member::OutputFormat);
    }
    let quality = call.unless_own("output_quality", request.output_compression.as_ref());
    w.member_if("output_quality", quality);
    w.rest(&request.extra);
    w.close().close();
    call.lose_all_but(&carried, lossy);
    Ok(w.into_bytes())
}

pub(super) fn read(body: &[u8]) -> Option<ImageAnswer<'_>> {
    let prediction = Prediction::read(body)?;
    let mut object = Object::parse(body).ok()?;
    if prediction.status != PredictionStatus::Succeeded {
        // The words of the models and of Replicate itself (E005) for what their filters find.
        let error = object.text("error").ok()??;
        let flagged = ["NSFW", "flagged as sensitive", "(E005)"];
        let refused = flagged.iter().any(|word| error.contains(word));
        return refused.then(|| ImageAnswer::refused(error));
    }
    let output = object.take("output")?;
    let urls = json::array(output).unwrap_or_else(|| vec![output]);
    let pictures: Option<Vec<Picture<'_>>> = urls.into_iter().map(picture).collect();
    Some(ImageAnswer::of(pictures?))
}

fn picture(raw: &RawValue) -> Option<Picture<'_>> {
    Picture::of_url(json::text(raw)?)
}
