//! Amazon's Titan Image Generator and Nova Canvas on Bedrock.
//!
//! Source: Amazon Bedrock's user guide, "Amazon Titan Image Generator models"; Amazon Nova's user guide, "Amazon Nova
//! Canvas request and response structure".

use super::answer::{ImageAnswer, Picture};
use super::call::Call;
use super::request::Member;
use super::{ImageTask, Size, mask};
use crate::Lossy;
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;

/// What Titan makes; Nova Canvas makes almost every size.
const TITAN_SIZES: [Size; 24] = [
    Size::new(1024, 1024),
    Size::new(768, 768),
    Size::new(512, 512),
    Size::new(768, 1152),
    Size::new(384, 576),
    Size::new(1152, 768),
    Size::new(576, 384),
    Size::new(768, 1280),
    Size::new(384, 640),
    Size::new(1280, 768),
    Size::new(640, 384),
    Size::new(896, 1152),
    Size::new(448, 576),
    Size::new(1152, 896),
    Size::new(576, 448),
    Size::new(768, 1408),
    Size::new(384, 704),
    Size::new(1408, 768),
    Size::new(704, 384),
    Size::new(640, 1408),
    Size::new(320, 704),
    Size::new(1408, 640),
    Size::new(704, 320),
    Size::new(1173, 640),
];

/// The largest seed.
const MOST_SEED: u64 = 2_147_483_646;

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    let mut carried = Vec::new();
    let mut w = Writer::with_capacity(512);
    w.open();
    let mask = call.mask()?;
    let text = Some(request.prompt.as_ref()).filter(|prompt| !prompt.is_empty());
    match (request.task, mask) {
        (ImageTask::Generate, _) => {
            w.text("taskType", "TEXT_IMAGE");
            w.key("textToImageParams").open();
            w.text_if("text", text).close();
        }
        (_, Some(mask)) => {
            w.text("taskType", "INPAINTING");
            w.key("inPaintingParams").open();
            w.text_if("text", text).text("image", call.one_source()?);
            w.text("maskImage", &mask::drawn(mask, mask::Ink::Black)?);
            w.close();
        }
        (_, None) => {
            w.text("taskType", "IMAGE_VARIATION");
            w.key("imageVariationParams").open().text_if("text", text);
            w.key("images").open_list();
            for source in call.sources() {
                w.string(source?.1);
            }
            w.close_list().close();
        }
    }
    w.key("imageGenerationConfig").open();
    w.member("numberOfImages", &call.pictures);
    // What is painted over keeps its size.
    if let (Some(asked), None) = (request.size, mask) {
        let size = if call.model.contains("nova-canvas") {
            asked.stepped(16, 320, 4096)
        } else {
            asked.nearest(&TITAN_SIZES)
        };
        w.member("width", &size.width)
            .member("height", &size.height);
        if size == asked {
            carried.push(Member::Size);
        }
    }
    if let Some(quality) = request.quality.as_deref().and_then(quality) {
        w.text("quality", quality);
        carried.push(Member::Quality);
    }
    if let Some(seed) = call.seed_up_to(MOST_SEED) {
        w.member("seed", &seed);
        carried.push(Member::Seed);
    }
    if call.format() == Some("png") {
        carried.push(Member::OutputFormat);
    }
    w.close().close();
    call.lose_all_but(&carried, lossy);
    call.lose_extra(lossy);
    Ok(w.into_bytes())
}

fn quality(word: &str) -> Option<&'static str> {
    match word {
        "standard" | "low" | "medium" => Some("standard"),
        "hd" | "high" | "xhigh" | "max" => Some("premium"),
        _ => None,
    }
}

pub(super) fn read(body: &[u8]) -> Option<ImageAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let images = object.array("images").ok()?.unwrap_or_default();
    let pictures = images
        .into_iter()
        .map(|raw| Some(Picture::of_base64("image/png", json::text(raw)?)));
    let mut answer = ImageAnswer::of(pictures.collect::<Option<_>>()?);
    // Said in an answer of success: a picture that was kept back.
    answer.refusal = object.text("error").ok()?.map(std::borrow::Cow::into_owned);
    (!answer.pictures.is_empty() || answer.refusal.is_some()).then_some(answer)
}
