//! A conversation as the input of a prediction.

use crate::Lossy;
use crate::chat::{Block, ChatRequest, Effort, Media, MediaKind, Message, Part, Role, ToolChoice};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};

/// Writes what most language models on Replicate take: `prompt`, `system_prompt`, `image` and how to draw. Each model
/// has a schema of its own, and members it does not know are ignored.
pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let mut prompt = Prompt {
        request,
        lossy,
        image: None,
    };
    let system = prompt.system();
    let text = prompt.text()?;
    let image = prompt.image.take();
    let mut w = Writer::with_capacity(text.len() + 256);
    w.open();
    write_version(target.model, &mut w);
    w.key("input").open().text("prompt", &text);
    if !system.is_empty() {
        w.text("system_prompt", &system);
    }
    w.text_if("image", image.as_deref());
    w.member_if("max_tokens", request.max_tokens.as_ref());
    sampling(request, target, &mut w, lossy);
    w.close();
    if request.stream {
        w.member("stream", &true);
    }
    w.close();
    lose_the_rest(request, lossy);
    Ok(w.into_bytes())
}

/// A version is named in the body; a model, in the path.
pub(crate) fn write_version(model: &str, w: &mut Writer) {
    let hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if model.contains(':') || hash(model) {
        w.text("version", model);
    }
}

fn sampling(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let sampling = &request.sampling;
    if target.traits.sampling {
        w.member_if("temperature", sampling.temperature.as_ref());
        w.member_if("top_p", sampling.top_p.as_ref());
        w.member_if("top_k", sampling.top_k.as_ref());
    } else {
        lossy.lose_if(Field::Temperature, sampling.temperature.as_ref());
        lossy.lose_if(Field::TopP, sampling.top_p.as_ref());
        lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
    }
    // One text with commas between. Source: the input schema of meta/meta-llama-3-70b-instruct.
    let stop: Vec<&str> = sampling
        .stop
        .iter()
        .map(AsRef::as_ref)
        .filter(|text| !text.contains(',') && target.traits.stop)
        .collect();
    if stop.len() < sampling.stop.len() {
        lossy.lose(Field::Stop);
    }
    if !stop.is_empty() {
        w.text("stop_sequences", &stop.join(","));
    }
}

/// What predictions have no counterpart of.
fn lose_the_rest(request: &ChatRequest<'_>, lossy: &mut Lossy) {
    let sampling = &request.sampling;
    let demands = |choice: &&ToolChoice<'_>| !matches!(choice, ToolChoice::Auto | ToolChoice::None);
    lossy.lose_if(Field::FrequencyPenalty, sampling.frequency_penalty.as_ref());
    lossy.lose_if(Field::PresencePenalty, sampling.presence_penalty.as_ref());
    lossy.lose_if(Field::Seed, sampling.seed.as_ref());
    lossy.lose_if(Field::N, sampling.n.as_ref().filter(|n| **n > 1));
    lossy.lose_if(
        Field::Logprobs,
        sampling.logprobs.as_ref().filter(|on| **on),
    );
    lossy.lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    lossy.lose_if(Field::Tools, request.tools.first());
    lossy.lose_if(
        Field::ToolChoice,
        request.tool_choice.as_ref().filter(demands),
    );
    lossy.lose_if(Field::ParallelTools, request.parallel_tools.as_ref());
    let reasoning = &request.reasoning;
    if !reasoning.is_empty() && reasoning.effort() != Some(Effort::None) {
        lossy.lose(Field::Reasoning);
    }
    lossy.lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
    lossy.lose_if(Field::Format, request.format.as_ref());
    lossy.lose_if(Field::Verbosity, request.verbosity.as_ref());
    lossy.lose_if(Field::User, request.user.as_ref());
    lossy.lose_if(
        Field::ServiceTier,
        request.service_tier.as_ref().filter(|tier| *tier != "auto"),
    );
    lossy.lose_if(Field::Metadata, request.metadata.as_ref());
    lossy.lose_members("", &request.extra);
}

/// The conversation as one text.
struct Prompt<'o, 'a> {
    request: &'o ChatRequest<'a>,
    lossy: &'o mut Lossy,
    image: Option<String>,
}

impl Prompt<'_, '_> {
    /// Instructions, wherever they stood.
    fn system(&mut self) -> String {
        let mut texts = Vec::new();
        let mut spoken = false;
        for message in &self.request.messages {
            if !is_system(message) {
                spoken = true;
                continue;
            }
            if spoken {
                self.lossy.lose(Field::SystemPosition);
            }
            self.members(message);
            for part in &message.parts {
                self.marks(part);
                match &part.block {
                    Block::Text { .. } => {}
                    Block::Foreign { kind, .. } => {
                        self.lossy.lose_named(format!("messages.content.{kind}"));
                    }
                    _ => self.lossy.lose(Field::Media),
                }
            }
            texts.push(message.text("\n\n").into_owned());
        }
        texts.join("\n\n")
    }

    /// A single turn as it is; several as lines, each behind who speaks, the last for the model to go on with.
    fn text(&mut self) -> Result<String, Untranslatable> {
        let request = self.request;
        let turns: Vec<&Message<'_>> = request
            .messages
            .iter()
            .filter(|message| !is_system(message))
            .collect();
        if let [only] = turns.as_slice()
            && only.role == Role::User
        {
            return self.turn(only);
        }
        let mut lines = String::new();
        for message in turns {
            let role = match message.role {
                Role::Assistant => "assistant",
                Role::Tool => "tool",
                _ => "user",
            };
            lines.push_str(role);
            lines.push_str(": ");
            lines.push_str(&self.turn(message)?);
            lines.push('\n');
        }
        lines.push_str("assistant:");
        Ok(lines)
    }

    fn turn(&mut self, message: &Message<'_>) -> Result<String, Untranslatable> {
        self.members(message);
        let mut said = String::new();
        for part in &message.parts {
            self.part(part, &mut said)?;
        }
        Ok(said)
    }

    fn members(&mut self, message: &Message<'_>) {
        self.lossy.lose_if(Field::Name, message.name.as_ref());
        self.lossy.lose_members("messages", &message.extra);
    }

    fn marks(&mut self, part: &Part<'_>) {
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        self.lossy.lose_members("messages.content", &part.extra);
    }

    fn part(&mut self, part: &Part<'_>, said: &mut String) -> Result<(), Untranslatable> {
        self.marks(part);
        match &part.block {
            Block::Text { text, citations } => {
                self.lossy.lose_if(Field::Citations, citations.first());
                said.push_str(text);
            }
            Block::Refusal(text) => said.push_str(text),
            Block::Media(media) => self.media(media)?,
            Block::ToolUse {
                name, arguments, ..
            } => {
                self.lossy.lose(Field::Tools);
                said.extend(["[called ", name, " with ", arguments, "]"]);
            }
            Block::ToolResult {
                parts, is_error, ..
            } => {
                said.push_str(if *is_error { "Error: " } else { "" });
                for part in parts {
                    self.part(part, said)?;
                }
            }
            Block::Thinking { .. } | Block::RedactedThinking { .. } => {
                self.lossy.lose(Field::Thinking);
            }
            Block::Foreign { kind, .. } => {
                self.lossy.lose_named(format!("messages.content.{kind}"));
            }
        }
        Ok(())
    }

    /// One picture, as a URL of either kind.
    fn media(&mut self, media: &Media<'_>) -> Result<(), Untranslatable> {
        let url = media
            .source
            .to_url()
            .filter(|_| media.kind == MediaKind::Image && self.image.is_none());
        let Some(url) = url else {
            return Err(Untranslatable::new(
                Field::Media.name(self.request.dialect),
                "models on Replicate take one picture, by URL or as data, and nothing else but text",
            ));
        };
        self.lossy.lose_if(Field::Detail, media.detail.as_ref());
        self.image = Some(url.into_owned());
        Ok(())
    }
}

fn is_system(message: &Message<'_>) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}
