//! `usageMetadata`.
//!
//! Source: the Gemini API's reference, `UsageMetadata`; Vertex AI's `GenerateContentResponse.UsageMetadata`.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::{self, Object, Writer};

/// Reads it; `None` where it says nothing.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let mut object = Object::of(raw)?;
    let mut count = |name| object.unsigned(name).ok().flatten();
    let prompt = count("promptTokenCount");
    let made = count("candidatesTokenCount").unwrap_or_default();
    let thoughts = count("thoughtsTokenCount").unwrap_or_default();
    let tools = count("toolUsePromptTokenCount").unwrap_or_default();
    let cached = count("cachedContentTokenCount").unwrap_or_default();
    let total = count("totalTokenCount");
    if prompt.is_none() && total.is_none() && made == 0 {
        return None;
    }
    let input = prompt.unwrap_or_default().saturating_add(tools);
    // Some models of Vertex AI count thoughts as part of the candidates already; the total then tells.
    let output = if thoughts > 0 && total == Some(input.saturating_add(made)) && made >= thoughts {
        made
    } else {
        made.saturating_add(thoughts)
    };
    let (audio_input, image_input) = modalities(&mut object, "promptTokensDetails");
    let (audio_output, image_output) = modalities(&mut object, "candidatesTokensDetails");
    Some(Usage {
        input,
        cached_input: cached.min(input),
        output,
        reasoning: thoughts.min(output),
        audio_input,
        image_input,
        audio_output,
        image_output,
        ..Usage::default()
    })
}

/// Tokens of sound and of pictures.
fn modalities(object: &mut Object<'_>, name: &'static str) -> (u64, u64) {
    let list = object.array(name).ok().flatten().unwrap_or_default();
    let (mut audio, mut image) = (0_u64, 0_u64);
    for raw in list {
        let Some(mut one) = Object::of(raw) else {
            continue;
        };
        let count = one
            .take("tokenCount")
            .and_then(json::unsigned)
            .unwrap_or_default();
        match one.text("modality").ok().flatten().as_deref() {
            Some("AUDIO") => audio = audio.saturating_add(count),
            Some("IMAGE") => image = image.saturating_add(count),
            _ => {}
        }
    }
    (audio, image)
}

/// Writes it.
pub(super) fn write(usage: &Usage, w: &mut Writer) {
    let made = usage.output.saturating_sub(usage.reasoning);
    w.open().member("promptTokenCount", &usage.input);
    w.member("candidatesTokenCount", &made);
    w.member("totalTokenCount", &usage.total());
    if usage.reasoning > 0 {
        w.member("thoughtsTokenCount", &usage.reasoning);
    }
    if usage.cached_input > 0 {
        w.member("cachedContentTokenCount", &usage.cached_input);
    }
    details(
        "promptTokensDetails",
        usage.input,
        usage.audio_input,
        usage.image_input,
        w,
    );
    details(
        "candidatesTokensDetails",
        made,
        usage.audio_output,
        usage.image_output,
        w,
    );
    w.close();
}

fn details(name: &str, all: u64, audio: u64, image: u64, w: &mut Writer) {
    if audio == 0 && image == 0 {
        return;
    }
    let text = all.saturating_sub(audio).saturating_sub(image);
    w.key(name).open_list();
    for (modality, count) in [("TEXT", text), ("AUDIO", audio), ("IMAGE", image)] {
        if count > 0 {
            w.open()
                .text("modality", modality)
                .member("tokenCount", &count)
                .close();
        }
    }
    w.close_list();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<(u64, u64, u64)>) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let found = read(raw).map(|usage| (usage.input, usage.output, usage.reasoning));
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn thoughts_are_output_and_counted_once() {
        check(
            r#"{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":22}"#,
            Some((10, 12, 7)),
        );
        check(
            r#"{"promptTokenCount":10,"candidatesTokenCount":12,"thoughtsTokenCount":7,"totalTokenCount":22}"#,
            Some((10, 12, 7)),
        );
        check(
            r#"{"promptTokenCount":10,"toolUsePromptTokenCount":3,"totalTokenCount":13}"#,
            Some((13, 0, 0)),
        );
        check(r#"{"trafficType":"ON_DEMAND"}"#, None);
        check("[]", None);
    }

    #[test]
    fn every_bucket_survives() {
        let usage = Usage {
            input: 100,
            cached_input: 30,
            output: 40,
            reasoning: 10,
            audio_input: 5,
            image_input: 6,
            audio_output: 7,
            image_output: 8,
            ..Usage::default()
        };
        let mut w = Writer::default();
        write(&usage, &mut w);
        let text = w.into_text();
        assert_eq!(
            read(serde_json::from_str(&text).unwrap()),
            Some(usage),
            "{text}"
        );
    }
}
