//! `generationConfig`.

use std::borrow::Cow;

use super::thinking;
use crate::chat::{ChatRequest, Effort, ResponseFormat, ThinkingMode};
use crate::gemini::{name, schema};
use crate::json::{self, Object, Writer};
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{DecodeError, Dialect, Lossy, ThinkingStyle, sound};

/// Where members without a field are kept.
const OUTER: &str = "generationConfig";

/// Stop sequences that are accepted. Source: the Gemini API's reference, `GenerationConfig.stopSequences`.
const MOST_STOPS: usize = 5;

pub(super) fn read<'a>(
    mut config: Object<'a>,
    body: &mut Object<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), DecodeError> {
    let sampling = &mut request.sampling;
    sampling.temperature = config.number("temperature")?;
    sampling.top_p = config.number("topP")?;
    sampling.top_k = config.unsigned("topK")?;
    sampling.frequency_penalty = config.number("frequencyPenalty")?;
    sampling.presence_penalty = config.number("presencePenalty")?;
    sampling.seed = config.integer("seed")?;
    sampling.stop = config.texts("stopSequences")?;
    sampling.n = config.unsigned("candidateCount")?;
    sampling.logprobs = config.flag("responseLogprobs")?;
    sampling.top_logprobs = config.unsigned("logprobs")?;
    request.max_tokens = config.unsigned("maxOutputTokens")?;
    request.format = format(&mut config, body);
    if let Some(mut inner) = name::inner(&mut config, "thinkingConfig")? {
        thinking::read(&mut inner, &mut request.reasoning)
            .map_err(|error| error.within("thinkingConfig"))?;
        body.keep("generationConfig.thinkingConfig", &inner);
    }
    body.keep(OUTER, &config);
    Ok(())
}

/// A media type with or without a schema. What is neither text nor JSON stays with its dialect.
fn format<'a>(config: &mut Object<'a>, body: &mut Object<'a>) -> Option<ResponseFormat<'a>> {
    let media_type = config.peek("responseMimeType").and_then(json::text)?;
    if media_type == "text/plain" {
        config.take("responseMimeType");
        return Some(ResponseFormat::Text);
    }
    if media_type != "application/json" {
        return None;
    }
    config.take("responseMimeType");
    let schema = match config.take("responseJsonSchema") {
        Some(raw) => Cow::Borrowed(raw),
        None => match config.take("responseSchema") {
            Some(raw) => {
                body.keep_twin("responseSchema", raw);
                schema::from_openapi(raw)
            }
            None => return Some(ResponseFormat::JsonObject),
        },
    };
    Some(ResponseFormat::JsonSchema {
        name: None,
        description: None,
        schema,
        strict: None,
    })
}

pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let own = request.dialect == Dialect::Gemini;
    let mut inner = Writer::with_capacity(256);
    inner.open();
    sampling(request, target, &mut inner, lossy);
    inner.member_if("maxOutputTokens", request.max_tokens.as_ref());
    write_format(request, target, &mut inner, lossy);
    thinking::write(request, target, &mut inner, lossy);
    if let Some(wanted) = sound::Wanted::of(request) {
        sound::gemini_settings(wanted.voice(lossy), &mut inner);
    }
    if own {
        name::rest_of(&request.extra, OUTER, &mut inner);
    }
    inner.close();
    let text = inner.into_text();
    if text != "{}" {
        w.key("generationConfig").literal(&text);
    }
}

fn sampling(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let (sampling, traits) = (&request.sampling, target.traits);
    let thinks = traits.thinking != ThinkingStyle::None
        && (traits.thinking != ThinkingStyle::Unknown || !request.reasoning.is_empty())
        && request.reasoning.mode != Some(ThinkingMode::Disabled)
        && request.reasoning.effort != Some(Effort::None);
    if traits.sampling && (traits.sampling_while_thinking || !thinks) {
        let temperature = sampling.temperature.map(|given| given.clamp(0.0, 2.0));
        if temperature != sampling.temperature {
            lossy.lose(Field::Temperature);
        }
        w.member_if("temperature", temperature.as_ref());
        w.member_if("topP", sampling.top_p.as_ref());
        w.member_if("topK", sampling.top_k.as_ref());
        w.member_if("responseLogprobs", sampling.logprobs.as_ref());
        w.member_if("logprobs", sampling.top_logprobs.as_ref());
    } else {
        lossy.lose_if(Field::Temperature, sampling.temperature.as_ref());
        lossy.lose_if(Field::TopP, sampling.top_p.as_ref());
        lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
        lossy.lose_if(Field::Logprobs, sampling.logprobs.as_ref());
        lossy.lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    }
    if traits.penalties {
        w.member_if("frequencyPenalty", sampling.frequency_penalty.as_ref());
        w.member_if("presencePenalty", sampling.presence_penalty.as_ref());
    } else {
        lossy.lose_if(Field::FrequencyPenalty, sampling.frequency_penalty.as_ref());
        lossy.lose_if(Field::PresencePenalty, sampling.presence_penalty.as_ref());
    }
    // The field has 32 bits.
    match sampling.seed.map(i32::try_from) {
        Some(Ok(seed)) => {
            w.member("seed", &seed);
        }
        Some(Err(_)) => lossy.lose(Field::Seed),
        None => {}
    }
    let stop = if traits.stop { MOST_STOPS } else { 0 };
    if sampling.stop.len() > stop {
        lossy.lose(Field::Stop);
    }
    let stop: Vec<&str> = sampling.stop.iter().take(stop).map(AsRef::as_ref).collect();
    w.member_if("stopSequences", Some(&stop).filter(|stop| !stop.is_empty()));
    w.member_if("candidateCount", sampling.n.as_ref());
}

fn write_format(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let Some(format) = &request.format else {
        return;
    };
    let with_tools = !request.tools.is_empty();
    match format {
        ResponseFormat::Text => {
            w.text("responseMimeType", "text/plain");
        }
        // Source: Google's guide on structured output: together with tools from Gemini 3 on.
        _ if with_tools && !target.traits.tools_with_schema => lossy.lose(Field::Format),
        ResponseFormat::JsonObject => {
            w.text("responseMimeType", "application/json");
        }
        ResponseFormat::JsonSchema {
            description,
            schema,
            ..
        } => {
            w.text("responseMimeType", "application/json");
            if let Some(raw) = request.extra.twin("responseSchema") {
                w.key("responseSchema").raw(raw);
            } else if target.traits.json_schema {
                let schema = schema::standard(schema, description.as_deref());
                w.key("responseJsonSchema").raw(&schema);
            } else if let Some((schema, complete)) =
                schema::to_openapi(&schema::standard(schema, description.as_deref()))
            {
                if !complete {
                    lossy.lose(Field::Format);
                }
                w.key("responseSchema").raw(&schema);
            }
        }
        ResponseFormat::Foreign(_) => lossy.lose(Field::Format),
    }
}
