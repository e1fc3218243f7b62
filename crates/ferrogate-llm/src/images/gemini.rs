//! Google's models that draw, which are asked as in a conversation.
//!
//! Source: the Gemini API's guide "Image generation" and its reference, `GenerationConfig.imageConfig`.

use super::answer::{ImageAnswer, Picture};
use super::call::Call;
use super::request::Member;
use crate::chat::{Block, Choice, FinishReason, MediaKind};
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;
use crate::{Dialect, Lossy, UpstreamFault};

const RATIOS: [&str; 10] = [
    "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9",
];

/// The largest seed: it has 32 bits, one for the sign.
const MOST_SEED: u64 = 2_147_483_647;

pub(super) fn write(call: &Call<'_, '_>, lossy: &mut Lossy) -> Result<Vec<u8>, Untranslatable> {
    call.no_mask()?;
    let mut carried = Vec::new();
    let mut w = Writer::with_capacity(512);
    w.open().key("contents").open_list();
    w.open().text("role", "user").key("parts").open_list();
    w.open().text("text", &call.request.prompt).close();
    for source in call.sources() {
        let (media_type, base64) = source?;
        w.open().key("inlineData").open();
        w.text("mimeType", media_type).text("data", base64);
        w.close().close();
    }
    w.close_list().close().close_list();
    w.key("generationConfig").open();
    w.key("responseModalities").open_list();
    w.string("TEXT").string("IMAGE").close_list();
    if let Some(seed) = call.seed_up_to(MOST_SEED) {
        w.member("seed", &seed);
        carried.push(Member::Seed);
    }
    if let Some(size) = call.request.size {
        w.key("imageConfig").open();
        w.text("aspectRatio", size.nearest_ratio(&RATIOS));
        let (word, side) = scale(size.longest());
        w.text_if("imageSize", word).close();
        if size.is_square_of(side) {
            carried.push(Member::Size);
        }
    }
    w.close().close();
    call.lose_all_but(&carried, lossy);
    call.lose_extra(lossy);
    Ok(w.into_bytes())
}

/// The word for pictures of about that size, and how many pixels the side of a square has then. Older models know the
/// smallest size only, and no word for it.
pub(super) fn scale(longest: u32) -> (Option<&'static str>, u32) {
    match longest {
        0..=1536 => (None, 1024),
        1537..=3072 => (Some("2K"), 2048),
        _ => (Some("4K"), 4096),
    }
}

pub(super) fn read(body: &[u8]) -> Result<ImageAnswer<'_>, UpstreamFault> {
    let chat = Dialect::Gemini.protocol().read_answer(body)?;
    let blocked = chat.extra.peek("promptFeedback").and_then(Object::of);
    let mut answer = ImageAnswer {
        usage: chat.usage,
        ..ImageAnswer::default()
    };
    for choice in chat.choices {
        let word = choice.extra.twin("finishReason").and_then(json::text);
        let why = why(&choice, blocked.as_ref());
        let filtered = choice.finish == FinishReason::ContentFilter;
        let mut words = String::new();
        for part in choice.parts {
            // Models that think draw while they do; those are drafts.
            let draft = part
                .extra
                .peek("thought")
                .is_some_and(|raw| raw.get() == "true");
            match part.block {
                Block::Media(media) if media.kind == MediaKind::Image && !draft => {
                    answer.pictures.push(Picture {
                        source: media.source,
                        revised_prompt: None,
                    });
                }
                Block::Text { text, .. } => words.push_str(&text),
                _ => {}
            }
        }
        // Nothing was refused there: the model drew nothing.
        let idle = matches!(word.as_deref(), Some("NO_IMAGE" | "IMAGE_OTHER" | "OTHER"));
        if filtered && !idle {
            answer.refusal = answer.refusal.or(why);
        } else if !words.is_empty() {
            answer.said = Some(words);
        } else if idle {
            answer.said = answer.said.or(why);
        }
    }
    Ok(answer)
}

/// What Google says about a picture it keeps back.
fn why(choice: &Choice<'_>, blocked: Option<&Object<'_>>) -> Option<String> {
    let of_prompt = |name: &str| blocked.and_then(|blocked| blocked.peek(name));
    let message = choice.extra.peek("finishMessage");
    let message = message.or_else(|| of_prompt("blockReasonMessage"));
    let word = choice.extra.twin("finishReason");
    let word = word.or_else(|| of_prompt("blockReason"));
    message
        .and_then(json::text)
        .map(std::borrow::Cow::into_owned)
        .or_else(|| {
            let word = json::text(word?)?;
            Some(format!("the provider made no picture: {word}"))
        })
}
