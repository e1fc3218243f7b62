//! A request for a provider.

use super::INNER;
use crate::chat::{ChatRequest, Effort, ResponseFormat, ThinkingMode, unusual};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, Quirk, ThinkingStyle};

/// The newer name of `user`.
const SAFETY: &str = "safety_identifier";

/// A request under way.
pub(super) struct Body<'o, 'a> {
    pub(super) w: Writer,
    pub(super) request: &'o ChatRequest<'a>,
    pub(super) target: &'o TargetProfile<'o>,
    pub(super) lossy: &'o mut Lossy,
    /// It was written in this dialect: it goes as it came, for the provider to judge.
    pub(super) own: bool,
}

pub(in crate::openai_responses) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let mut body = Body {
        w: Writer::with_capacity(request.room()),
        request,
        target,
        lossy,
        own: request.dialect == Dialect::OpenAiResponses,
    };
    body.w.open().text("model", target.model);
    body.input()?;
    body.tools();
    body.put(
        "max_output_tokens",
        Field::MaxTokens,
        request.max_tokens.as_ref(),
    );
    body.reasoning();
    body.text();
    body.sampling();
    body.rest();
    body.w.close();
    Ok(body.w.into_bytes())
}

impl Body<'_, '_> {
    /// Writes a member unless the provider refuses it.
    fn put<T: serde::Serialize>(&mut self, name: &'static str, field: Field, value: Option<&T>) {
        if self.target.has(Quirk::Drop(name)) {
            self.lossy.lose_if(field, value);
        } else {
            self.w.member_if(name, value);
        }
    }

    fn reasoning(&mut self) {
        let request = self.request;
        let reasoning = &request.reasoning;
        if self.own {
            let kept = request.extra.kept("reasoning").next().is_some();
            if reasoning.effort.is_some() || reasoning.summary.is_some() || kept {
                self.w.key("reasoning").open();
                let effort = reasoning.effort.map(Effort::as_str);
                self.w.text_if("effort", effort);
                self.w.text_if("summary", reasoning.summary.as_deref());
                self.w.rest_of(&request.extra, "reasoning").close();
            }
            return;
        }
        let effort = match (reasoning.effort(), reasoning.mode) {
            (Some(effort), _) => Some(effort),
            (None, Some(ThinkingMode::Disabled)) => Some(Effort::None),
            // Only "think" was said: the model's own default is as good an answer as any.
            (None, _) => None,
        };
        let effort = match effort {
            Some(effort) if self.target.has(Quirk::EffortToXHigh) => {
                Some(effort.min(Effort::XHigh))
            }
            effort => effort,
        };
        let effort = effort.map(|effort| self.target.traits.efforts.nearest(effort));
        // Summaries are shown to callers that asked to see thoughts, and not made for others: some accounts may not
        // have them.
        let summary = match reasoning.summary.as_deref() {
            Some("omitted" | "none") | None => None,
            Some(word @ ("concise" | "detailed")) => Some(word),
            Some(_) => Some("auto"),
        };
        if effort.is_none() && summary.is_none() {
            return;
        }
        if self.target.has(Quirk::Drop("reasoning")) {
            self.lossy.lose(Field::Reasoning);
            return;
        }
        self.w.key("reasoning").open();
        self.w.text_if("effort", effort.map(Effort::as_str));
        self.w.text_if("summary", summary).close();
    }

    fn text(&mut self) {
        let request = self.request;
        let kept = self.own && request.extra.kept("text").next().is_some();
        if request.format.is_none() && request.verbosity.is_none() && !kept {
            return;
        }
        self.w.key("text").open();
        match &request.format {
            None => {}
            Some(ResponseFormat::Text) => {
                self.w.key("format").open().text("type", "text").close();
            }
            Some(ResponseFormat::JsonObject) => {
                self.w.key("format").open();
                self.w.text("type", "json_object").close();
            }
            Some(ResponseFormat::JsonSchema {
                name,
                description,
                schema,
                strict,
            }) => {
                self.w.key("format").open().text("type", "json_schema");
                self.w.text("name", name.as_deref().unwrap_or("response"));
                self.w.text_if("description", description.as_deref());
                self.w.key("schema").raw(schema);
                // OpenAI's chat has the same default; elsewhere a schema is always binding.
                let binding = !matches!(
                    request.dialect,
                    Dialect::OpenAiChat | Dialect::OpenAiResponses
                );
                let strict = strict.or(binding.then_some(true));
                self.w.member_if("strict", strict.as_ref()).close();
            }
            Some(ResponseFormat::Foreign(raw)) if self.own => {
                self.w.key("format").raw(raw);
            }
            Some(ResponseFormat::Foreign(_)) => self.lossy.lose(Field::Format),
        }
        self.w.text_if("verbosity", request.verbosity.as_deref());
        if self.own {
            self.w.rest_of(&request.extra, "text");
        }
        self.w.close();
    }

    fn sampling(&mut self) {
        let sampling = &self.request.sampling;
        let traits = self.target.traits;
        let thinks = !matches!(
            traits.thinking,
            ThinkingStyle::Unknown | ThinkingStyle::None
        ) && self.request.reasoning.effort() != Some(Effort::None);
        // Reasoning models refuse these while they think.
        if self.own || (traits.sampling && (!thinks || traits.sampling_while_thinking)) {
            let highest = if self.target.has(Quirk::TemperatureToOne) {
                1.0
            } else {
                2.0
            };
            let temperature = sampling.temperature.map(|t| t.clamp(0.0, highest));
            if temperature != sampling.temperature {
                self.lossy.lose(Field::Temperature);
            }
            self.put("temperature", Field::Temperature, temperature.as_ref());
            self.put("top_p", Field::TopP, sampling.top_p.as_ref());
        } else {
            self.lossy.lose_if(
                Field::Temperature,
                unusual(sampling.temperature, 1.0).as_ref(),
            );
            self.lossy
                .lose_if(Field::TopP, unusual(sampling.top_p, 1.0).as_ref());
        }
        self.put(
            "top_logprobs",
            Field::TopLogprobs,
            sampling.top_logprobs.as_ref(),
        );
        self.lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
        self.lossy.lose_if(
            Field::FrequencyPenalty,
            unusual(sampling.frequency_penalty, 0.0).as_ref(),
        );
        self.lossy.lose_if(
            Field::PresencePenalty,
            unusual(sampling.presence_penalty, 0.0).as_ref(),
        );
        self.lossy.lose_if(Field::Seed, sampling.seed.as_ref());
        self.lossy.lose_if(Field::Stop, sampling.stop.first());
        let several = sampling.n.filter(|n| *n > 1);
        self.lossy.lose_if(Field::N, several.as_ref());
    }

    fn rest(&mut self) {
        let request = self.request;
        if let Some(metadata) = &request.metadata {
            self.w.key("metadata").raw(metadata);
        }
        let newer = self.own && request.twins.peek(SAFETY).is_some();
        let name = if newer { SAFETY } else { "user" };
        self.put(name, Field::User, request.user.as_ref());
        self.put(
            "service_tier",
            Field::ServiceTier,
            request.service_tier.as_ref(),
        );
        if request.stream {
            self.w.member("stream", &true);
        }
        if self.own {
            self.w.rest_outside(&request.extra, &INNER);
            return;
        }
        let mut include = Vec::new();
        // Thoughts can only be sent back if they come along; models that have none refuse to be asked.
        if !matches!(
            self.target.traits.thinking,
            ThinkingStyle::Unknown | ThinkingStyle::None
        ) {
            include.push("reasoning.encrypted_content");
        }
        if request.sampling.logprobs == Some(true) {
            include.push("message.output_text.logprobs");
        }
        if !include.is_empty() {
            self.w.member("include", &include);
        }
        // The caller's dialect has no way to come back to an answer that is kept.
        self.w.member("store", &false);
        self.lossy.lose_members("", &request.extra);
    }
}
