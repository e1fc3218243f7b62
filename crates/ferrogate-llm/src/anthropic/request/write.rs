//! A request for a provider.

use super::INNER;
use super::breakpoints::Breakpoints;
use super::plan::{JsonAnswer, Plan, Schema, Thinking};
use super::{schema, turns};
use crate::chat::{ChatRequest, Message, ResponseFormat, ThinkingMode, unusual};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, Quirk};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::anthropic) enum Purpose {
    /// The model answers it.
    Answer,
    /// Its tokens are counted: members that concern the answer alone are refused.
    Count,
}

/// A request under way.
pub(super) struct Body<'o, 'a> {
    pub(super) w: Writer,
    pub(super) request: &'o ChatRequest<'a>,
    pub(super) target: &'o TargetProfile<'o>,
    pub(super) lossy: &'o mut Lossy,
    /// It was written in this dialect: it goes as it came, for the provider to judge.
    pub(super) own: bool,
    pub(super) points: Breakpoints,
}

pub(in crate::anthropic) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
    purpose: Purpose,
) -> Result<Vec<u8>, Untranslatable> {
    request.check_portable(Dialect::Anthropic)?;
    let own = request.dialect == Dialect::Anthropic;
    let mut body = Body {
        w: Writer::with_capacity(request.room()),
        request,
        target,
        lossy,
        own,
        points: Breakpoints::new(own, 0),
    };
    body.w.open();
    if !target.has(Quirk::Drop("model")) {
        body.w.text("model", target.model);
    }
    for quirk in target.quirks {
        if let Quirk::Add(name, value) = *quirk {
            body.w.text(name, value);
        }
    }
    if own {
        body.own_members(purpose)?;
    } else {
        body.members(purpose)?;
    }
    body.w.close();
    Ok(body.w.into_bytes())
}

impl<'o> Body<'o, '_> {
    /// A request of this dialect.
    fn own_members(&mut self, purpose: Purpose) -> Result<(), Untranslatable> {
        let request = self.request;
        self.w.member_if(
            "max_tokens",
            request
                .max_tokens
                .filter(|_| purpose == Purpose::Answer)
                .as_ref(),
        );
        let (system, messages) = turns::split(&request.messages);
        self.tools_as_they_came();
        if let [message] = system {
            self.w.key("system");
            self.own_content(message)?;
        }
        self.w.key("messages").open_list();
        for message in messages {
            self.own_message(message)?;
        }
        self.w.close_list();
        let reasoning = &request.reasoning;
        if let Some(mode) = reasoning.mode {
            let kind = match mode {
                ThinkingMode::Enabled => "enabled",
                ThinkingMode::Adaptive => "adaptive",
                ThinkingMode::Disabled => "disabled",
            };
            self.w.key("thinking").open().text("type", kind);
            self.w.member_if("budget_tokens", reasoning.budget.as_ref());
            self.w.text_if("display", reasoning.summary.as_deref());
            self.w.rest_of(&request.extra, "thinking").close();
        }
        let kept = request.extra.kept("output_config").next().is_some();
        if reasoning.effort.is_some() || request.format.is_some() || kept {
            self.w.key("output_config").open();
            let effort = reasoning.effort.map(crate::chat::Effort::as_str);
            self.w.text_if("effort", effort);
            match &request.format {
                Some(ResponseFormat::JsonSchema { schema, .. }) => {
                    self.w.key("format").open().text("type", "json_schema");
                    self.w.key("schema").raw(schema).close();
                }
                Some(ResponseFormat::Foreign(raw)) => {
                    self.w.key("format").raw(raw);
                }
                _ => {}
            }
            self.w.rest_of(&request.extra, "output_config").close();
        }
        if purpose == Purpose::Answer {
            let sampling = &request.sampling;
            self.w
                .member_if("temperature", sampling.temperature.as_ref());
            self.w.member_if("top_p", sampling.top_p.as_ref());
            self.w.member_if("top_k", sampling.top_k.as_ref());
            if !sampling.stop.is_empty() {
                self.w.member("stop_sequences", &sampling.stop);
            }
            let kept = request.extra.kept("metadata").next().is_some();
            if request.user.is_some() || kept {
                self.w.key("metadata").open();
                self.w.text_if("user_id", request.user.as_deref());
                self.w.rest_of(&request.extra, "metadata").close();
            }
            self.service_tier();
            self.stream();
        }
        self.w.rest_outside(&request.extra, &INNER);
        Ok(())
    }

    fn own_message(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        self.w.open().text("role", turns::role(message.role));
        self.w.key("content");
        self.own_content(message)?;
        self.w.rest(&message.extra).close();
        Ok(())
    }

    fn own_content(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        if message.plain {
            self.w.string(&message.text(""));
            return Ok(());
        }
        self.w.open_list();
        for part in &message.parts {
            self.part(part)?;
        }
        self.w.close_list();
        Ok(())
    }

    /// A request of another dialect.
    fn members(&mut self, purpose: Purpose) -> Result<(), Untranslatable> {
        let request: &'o ChatRequest<'_> = self.request;
        let plan = Plan::of(request, self.target, self.lossy);
        if purpose == Purpose::Answer {
            self.w.member("max_tokens", &plan.max_tokens);
        }
        let turns = self.turns(&plan);
        self.points = Breakpoints::new(false, self.count_marks(&turns));
        self.tools(&plan);
        self.system(&turns);
        self.conversation(&turns)?;
        self.thinking(&plan);
        if purpose == Purpose::Answer {
            self.sampling(&plan);
            self.metadata();
            self.service_tier();
            self.stream();
        }
        self.lossy
            .lose_if(Field::Verbosity, request.verbosity.as_ref());
        self.lossy
            .lose_if(Field::Metadata, request.metadata.as_ref());
        self.lossy.lose_members("", &request.extra);
        Ok(())
    }

    fn thinking(&mut self, plan: &Plan<'_>) {
        let kind = match plan.thinking {
            Thinking::Unsaid => None,
            Thinking::Off => Some("disabled"),
            Thinking::Budget(_) => Some("enabled"),
            Thinking::Adaptive => Some("adaptive"),
        };
        if let Some(kind) = kind {
            self.w.key("thinking").open().text("type", kind);
            if let Thinking::Budget(tokens) = plan.thinking {
                self.w.member("budget_tokens", &tokens);
            }
            self.w.text_if("display", plan.display).close();
        }
        let native = match plan.json {
            JsonAnswer::Native(schema) => Some(schema),
            _ => None,
        };
        if plan.effort.is_none() && native.is_none() {
            return;
        }
        self.w.key("output_config").open();
        let effort = plan.effort.map(crate::chat::Effort::as_str);
        self.w.text_if("effort", effort);
        if let Some(found) = native {
            self.w.key("format").open().text("type", "json_schema");
            self.w.key("schema");
            if !schema::write_described(found.schema, found.description, &mut self.w) {
                self.lossy.lose(Field::Format);
            }
            self.w.close();
        }
        self.w.close();
    }

    fn sampling(&mut self, plan: &Plan<'_>) {
        let sampling = &self.request.sampling;
        let traits = self.target.traits;
        let draws = match plan.thinking {
            Thinking::Budget(_) => false,
            Thinking::Adaptive => traits.sampling_while_thinking,
            Thinking::Unsaid | Thinking::Off => true,
        };
        if traits.sampling && draws {
            // Elsewhere it goes up to 2.
            let temperature = sampling.temperature.map(|t| t.clamp(0.0, 1.0));
            if temperature != sampling.temperature {
                self.lossy.lose(Field::Temperature);
            }
            self.w.member_if("temperature", temperature.as_ref());
            match (sampling.top_p, temperature) {
                // Models from 4.1 on refuse both at once.
                (Some(_), Some(_)) => self.lossy.lose(Field::TopP),
                (top_p, _) => {
                    self.w.member_if("top_p", top_p.as_ref());
                }
            }
            self.w.member_if("top_k", sampling.top_k.as_ref());
        } else {
            self.lossy.lose_if(
                Field::Temperature,
                unusual(sampling.temperature, 1.0).as_ref(),
            );
            self.lossy
                .lose_if(Field::TopP, unusual(sampling.top_p, 1.0).as_ref());
            self.lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
        }
        let said: Vec<&str> = sampling
            .stop
            .iter()
            .map(AsRef::as_ref)
            .filter(|stop: &&str| !stop.trim().is_empty() && traits.stop)
            .collect();
        if said.len() < sampling.stop.len() {
            self.lossy.lose(Field::Stop);
        }
        if !said.is_empty() {
            self.w.member("stop_sequences", &said);
        }
        self.lossy.lose_if(
            Field::FrequencyPenalty,
            unusual(sampling.frequency_penalty, 0.0).as_ref(),
        );
        self.lossy.lose_if(
            Field::PresencePenalty,
            unusual(sampling.presence_penalty, 0.0).as_ref(),
        );
        self.lossy.lose_if(Field::Seed, sampling.seed.as_ref());
        let several = sampling.n.filter(|n| *n > 1);
        self.lossy.lose_if(Field::N, several.as_ref());
        let logprobs = sampling.logprobs.filter(|on| *on);
        self.lossy.lose_if(Field::Logprobs, logprobs.as_ref());
        self.lossy
            .lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    }

    fn metadata(&mut self) {
        let Some(user) = self.request.user.as_deref() else {
            return;
        };
        if looks_personal(user) {
            self.lossy.lose(Field::User);
            return;
        }
        self.w.key("metadata").open().text("user_id", user).close();
    }

    fn service_tier(&mut self) {
        match self.request.service_tier.as_deref() {
            None => {}
            Some("auto") => {
                self.w.text("service_tier", "auto");
            }
            Some("default") => {
                self.w.text("service_tier", "standard_only");
            }
            Some(_) => self.lossy.lose(Field::ServiceTier),
        }
    }

    fn stream(&mut self) {
        if self.request.stream && !self.target.has(Quirk::Drop("stream")) {
            self.w.member("stream", &true);
        }
    }
}

/// Whether an id looks like an address or a telephone number, which the provider refuses.
fn looks_personal(user: &str) -> bool {
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let dials = |byte: u8| byte.is_ascii_digit() || b"+-(). ".contains(&byte);
    // Digits alone are an id like any other.
    let phone = (7..=15).contains(&digits) && digits < user.len() && user.bytes().all(dials);
    user.contains('@') || phone
}

/// What a model is told when nothing else makes it answer in JSON.
pub(super) fn instruction(schema: Option<Schema<'_>>) -> String {
    let Some(found) = schema else {
        return "Answer with one JSON object and nothing else.".to_owned();
    };
    let mut text = format!(
        "Answer with JSON of this schema and nothing else: {}",
        found.schema.get()
    );
    if let Some(description) = found.description {
        text.push_str("\nIt is: ");
        text.push_str(description);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_addresses() {
        for (user, personal) in [
            ("u-7f3a", false),
            ("12345678", false),
            ("a@b.example", true),
            ("+47 22 33 44 55", true),
            ("2026-11-20", true),
        ] {
            assert_eq!(looks_personal(user), personal, "{user}");
        }
    }
}
