//! Google's Imagen, of the Gemini API and of Vertex AI.
//!
//! Source: Vertex AI's reference, "Generate images" (`predict`); the Gemini API's guide "Imagen". A seed is accepted by
//! Vertex AI alone, and there only without a watermark, so it is not sent.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::answer::{ImageAnswer, Picture};
use super::call::Call;
use super::gemini::scale;
use super::request::Member;
use crate::Lossy;
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;

const RATIOS: [&str; 5] = ["1:1", "3:4", "4:3", "9:16", "16:9"];

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    call.no_source()?;
    let mut carried = Vec::new();
    let mut w = Writer::with_capacity(256);
    w.open().key("instances").open_list();
    w.open().text("prompt", &call.request.prompt).close();
    w.close_list().key("parameters").open();
    w.member("sampleCount", &call.pictures);
    if let Some(size) = call.request.size {
        w.text("aspectRatio", size.nearest_ratio(&RATIOS));
        let (word, side) = scale(size.longest());
        // There is nothing larger.
        w.text_if("sampleImageSize", word.map(|_| "2K"));
        if size.is_square_of(side.min(2048)) {
            carried.push(Member::Size);
        }
    }
    if let Some(format @ ("png" | "jpeg")) = call.format() {
        carried.push(Member::OutputFormat);
        w.key("outputOptions").open();
        w.text("mimeType", &format!("image/{format}"));
        if format == "jpeg" {
            carried.push(Member::OutputCompression);
            w.member_if(
                "compressionQuality",
                call.request.output_compression.as_ref(),
            );
        }
        w.close();
    }
    // Else what is kept back is just not there.
    w.member("includeRaiReason", &true);
    w.close().close();
    call.lose_all_but(&carried, lossy);
    call.lose_extra(lossy);
    Ok(w.into_bytes())
}

pub(super) fn read(body: &[u8]) -> Option<ImageAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    if object.peek("error").is_some() {
        return None;
    }
    // Without any prediction everything was kept back.
    let predictions = object.array("predictions").ok()?.unwrap_or_default();
    let mut answer = ImageAnswer::default();
    for raw in predictions {
        match prediction(raw)? {
            Ok(picture) => answer.pictures.push(picture),
            Err(why) => answer.refusal = answer.refusal.or(why),
        }
    }
    if answer.pictures.is_empty() && answer.refusal.is_none() {
        return Some(ImageAnswer::refused(
            "the provider's safety filter kept every picture back",
        ));
    }
    Some(answer)
}

type Prediction<'a> = Result<Picture<'a>, Option<String>>;

fn prediction(raw: &RawValue) -> Option<Prediction<'_>> {
    let mut object = Object::of(raw)?;
    let Some(base64) = object.text("bytesBase64Encoded").ok()? else {
        let why = object.text("raiFilteredReason").ok()?;
        return Some(Err(why.map(Cow::into_owned)));
    };
    let media_type = object.text("mimeType").ok()?;
    let picture = Picture::of_base64(media_type.unwrap_or("image/png".into()), base64);
    Some(Ok(Picture {
        revised_prompt: object.text("prompt").ok()?,
        ..picture
    }))
}
