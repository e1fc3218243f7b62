//! A request for Bedrock.

use serde_json::value::RawValue;

use super::write_messages::Turns;
use super::{thinking, write_tools};
use crate::chat::{ChatRequest, ResponseFormat, Sampling};
use crate::converse::family::Family;
use crate::json::{self, Object, Writer};
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy};

pub(in crate::converse) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let mut out = Members {
        w: Writer::with_capacity(request.room()),
        request,
        target,
        family: Family::of(target.model),
        own: request.dialect == Dialect::Converse,
        lossy,
    };
    out.w.open();
    let instruction = instruction(&mut out);
    let mut turns = Turns::new(request, out.family, &mut out.w, out.lossy);
    turns.system(instruction.as_deref());
    turns.messages()?;
    // What only the model's family knows: its members are collected while the others are written.
    let mut fields = Writer::default();
    fields.open();
    if out.own {
        own(&mut out);
        write_tools::write(&mut out, &mut fields);
    } else {
        let thinks = thinking::write(request, target, out.family, &mut fields, out.lossy);
        inference(&request.sampling, thinks, &mut fields, &mut out);
        write_tools::write(&mut out, &mut fields);
        format(&mut out);
        labels(&mut out);
        tier(&mut out);
        out.lossy.lose_members("", &request.extra);
    }
    fields.close();
    let fields = fields.into_text();
    if fields != "{}" {
        out.w.key("additionalModelRequestFields").literal(&fields);
    }
    out.w.close();
    Ok(out.w.into_bytes())
}

/// The request as it is written.
pub(super) struct Members<'o, 'a> {
    pub(super) w: Writer,
    pub(super) request: &'o ChatRequest<'a>,
    pub(super) target: &'o TargetProfile<'o>,
    pub(super) family: Family,
    /// The caller wrote Converse: its words stand.
    pub(super) own: bool,
    pub(super) lossy: &'o mut Lossy,
}

/// Members of a Converse caller, as they came.
fn own(out: &mut Members<'_, '_>) {
    let request = out.request;
    let sampling = &request.sampling;
    let mut config = Writer::default();
    config.open();
    config.member_if("maxTokens", request.max_tokens.as_ref());
    config.member_if("temperature", sampling.temperature.as_ref());
    config.member_if("topP", sampling.top_p.as_ref());
    let stop = Some(&sampling.stop).filter(|stop| !stop.is_empty());
    config.member_if("stopSequences", stop);
    rest_of("inferenceConfig", &request.extra, &mut config);
    nested("inferenceConfig", config, &mut out.w);
    let mut tier = Writer::default();
    tier.open();
    tier.text_if("type", request.service_tier.as_deref());
    rest_of("serviceTier", &request.extra, &mut tier);
    nested("serviceTier", tier, &mut out.w);
    out.w.raw_if("requestMetadata", request.metadata.as_deref());
    out.w.rest(&request.twins);
    for (name, raw) in request.extra.members() {
        if !NESTED.iter().any(|outer| member_of(outer, name).is_some()) {
            out.w.key(name).raw(raw);
        }
    }
}

/// Members whose own members stand in `extra` under a path.
const NESTED: [&str; 5] = [
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "additionalModelRequestFields",
    "serviceTier",
];

fn member_of<'n>(outer: &str, path: &'n str) -> Option<&'n str> {
    path.strip_prefix(outer)?.strip_prefix('.')
}

/// What a reader left of a nested object.
pub(super) fn rest_of(outer: &str, extra: &Object<'_>, w: &mut Writer) {
    for (name, raw) in extra.members() {
        if let Some(name) = member_of(outer, name) {
            w.key(name).raw(raw);
        }
    }
}

/// Ends a nested object that was begun, and writes it unless it is empty.
pub(super) fn nested(name: &str, mut object: Writer, w: &mut Writer) {
    object.close();
    let object = object.into_text();
    if object != "{}" {
        w.key(name).literal(&object);
    }
}

fn inference(
    sampling: &Sampling<'_>,
    thinks: bool,
    fields: &mut Writer,
    out: &mut Members<'_, '_>,
) {
    let traits = out.target.traits;
    let draws = traits.sampling && (!thinks || traits.sampling_while_thinking);
    let mut config = Writer::default();
    config.open();
    config.member_if("maxTokens", out.request.max_tokens.as_ref());
    if draws {
        let hotter = sampling.temperature.filter(|t| !(0.0..=1.0).contains(t));
        out.lossy.lose_if(Field::Temperature, hotter.as_ref());
        let temperature = sampling.temperature.map(|t| t.clamp(0.0, 1.0));
        config.member_if("temperature", temperature.as_ref());
        config.member_if("topP", sampling.top_p.as_ref());
        match sampling.top_k {
            Some(top_k) if out.family.may_be_claude() => {
                fields.member("top_k", &top_k);
            }
            Some(top_k) if out.family == Family::Nova => {
                fields.key("inferenceConfig").open();
                fields.member("topK", &top_k).close();
            }
            top_k => out.lossy.lose_if(Field::TopK, top_k.as_ref()),
        }
    } else {
        // One is the default of both.
        let counts = |value: &&f64| (**value - 1.0).abs() > f64::EPSILON;
        let temperature = sampling.temperature.as_ref().filter(counts);
        out.lossy.lose_if(Field::Temperature, temperature);
        let top_p = sampling.top_p.as_ref().filter(counts);
        out.lossy.lose_if(Field::TopP, top_p);
        out.lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
    }
    // Claude refuses stop sequences of blanks alone.
    let stop: Vec<&str> = sampling
        .stop
        .iter()
        .map(AsRef::as_ref)
        .filter(|text| traits.stop && !text.trim().is_empty())
        .collect();
    if stop.len() < sampling.stop.len() {
        out.lossy.lose(Field::Stop);
    }
    if !stop.is_empty() {
        config.member("stopSequences", &stop);
    }
    nested("inferenceConfig", config, &mut out.w);
    unknown_to_bedrock(sampling, out);
}

fn unknown_to_bedrock(sampling: &Sampling<'_>, out: &mut Members<'_, '_>) {
    let lossy = &mut *out.lossy;
    let counts = |penalty: &&f64| **penalty != 0.0;
    lossy.lose_if(
        Field::FrequencyPenalty,
        sampling.frequency_penalty.as_ref().filter(counts),
    );
    lossy.lose_if(
        Field::PresencePenalty,
        sampling.presence_penalty.as_ref().filter(counts),
    );
    lossy.lose_if(Field::Seed, sampling.seed.as_ref());
    lossy.lose_if(Field::N, sampling.n.as_ref().filter(|n| **n > 1));
    lossy.lose_if(
        Field::Logprobs,
        sampling.logprobs.as_ref().filter(|on| **on),
    );
    lossy.lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    lossy.lose_if(Field::Verbosity, out.request.verbosity.as_ref());
    lossy.lose_if(Field::User, out.request.user.as_ref());
}

/// What is said in words where Bedrock or the model has no switch for it: an answer in JSON.
fn instruction(out: &mut Members<'_, '_>) -> Option<String> {
    if out.own {
        return None;
    }
    match out.request.format.as_ref()? {
        ResponseFormat::JsonObject => Some(
            "Answer with one JSON object and nothing else: no introduction, no code fence."
                .to_owned(),
        ),
        ResponseFormat::JsonSchema { schema, .. } if !takes_schema(out) => {
            out.lossy.lose(Field::Format);
            Some(format!(
                "Answer with JSON and nothing else: no introduction, no code fence. It must be valid against this JSON schema: {}",
                schema.get()
            ))
        }
        _ => None,
    }
}

fn takes_schema(out: &Members<'_, '_>) -> bool {
    let traits = out.target.traits;
    traits.json_schema && (traits.tools_with_schema || out.request.tools.is_empty())
}

fn format(out: &mut Members<'_, '_>) {
    match &out.request.format {
        Some(ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) if takes_schema(out) => {
            out.w.key("outputConfig").open().key("textFormat").open();
            out.w.text("type", "json_schema");
            out.w.key("structure").open().key("jsonSchema").open();
            out.w.text("schema", &compact(schema));
            out.w.text_if("name", name.as_deref());
            out.w.text_if("description", description.as_deref());
            out.w.close().close().close().close();
            if *strict == Some(false) {
                // A schema always binds here.
                out.lossy.lose(Field::Format);
            }
        }
        Some(ResponseFormat::Foreign(_)) => out.lossy.lose(Field::Format),
        _ => {}
    }
}

/// A schema on one line: it is sent within a string, where white space costs twice.
fn compact(schema: &RawValue) -> String {
    let mut out = String::with_capacity(schema.get().len());
    let (mut quoted, mut escaped) = (false, false);
    for char in schema.get().chars() {
        if quoted {
            quoted = escaped || char != '"';
            escaped = !escaped && char == '\\';
        } else if char.is_ascii_whitespace() {
            continue;
        } else {
            quoted = char == '"';
        }
        out.push(char);
    }
    out
}

/// Labels as Bedrock takes them: texts of at most 256 characters from a small set.
///
/// Source: the service model, `RequestMetadata`.
fn labels(out: &mut Members<'_, '_>) {
    let Some(metadata) = &out.request.metadata else {
        return;
    };
    let object = Object::of(metadata).unwrap_or_default();
    let allowed = |text: &str| {
        text.chars().count() <= 256
            && text.chars().all(|c| {
                c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c)
            })
    };
    let mut kept = Writer::default();
    kept.open();
    let mut count = 0;
    for (name, raw) in object.members() {
        match json::text(raw) {
            Some(value) if !name.is_empty() && allowed(name) && allowed(&value) && count < 16 => {
                count += 1;
                kept.text(name, &value);
            }
            _ => out.lossy.lose(Field::Metadata),
        }
    }
    nested("requestMetadata", kept, &mut out.w);
}

fn tier(out: &mut Members<'_, '_>) {
    let word = match out.request.service_tier.as_deref() {
        // What Bedrock does unasked.
        None | Some("auto") => return,
        Some("fast") => "priority",
        Some(word @ ("default" | "flex" | "priority" | "reserved")) => word,
        Some(_) => return out.lossy.lose(Field::ServiceTier),
    };
    out.w.key("serviceTier").open().text("type", word).close();
}
