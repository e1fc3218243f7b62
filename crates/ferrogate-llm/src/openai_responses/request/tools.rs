//! Tools, which Responses writes flat, and whether they are to be called.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::write::Body;
use crate::DecodeError;
use crate::chat::{Tool, ToolChoice, ToolKind};
use crate::json::{self, Object};
use crate::lossy::Field;

/// Reads a tool.
pub(super) fn read(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = needed(&mut object, "type")?;
    let kind = match kind.as_ref() {
        "function" => ToolKind::Function {
            name: needed(&mut object, "name")?,
            description: object.text("description")?,
            parameters: object.take("parameters").map(Cow::Borrowed),
            strict: object.flag("strict")?,
        },
        "custom" => ToolKind::Custom {
            name: needed(&mut object, "name")?,
            description: object.text("description")?,
            format: object.take("format").map(Cow::Borrowed),
        },
        _ => {
            let raw = Cow::Borrowed(raw);
            let kind = if kind.starts_with("web_search") {
                ToolKind::WebSearch { raw }
            } else {
                ToolKind::Foreign { kind, raw }
            };
            return Ok(Tool {
                kind,
                cache: None,
                extra: Object::default(),
            });
        }
    };
    Ok(Tool {
        kind,
        cache: None,
        extra: object,
    })
}

fn needed<'a>(object: &mut Object<'a>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    object
        .text(name)?
        .ok_or_else(|| DecodeError::wrong(name, "a string"))
}

/// Reads whether tools are to be called.
pub(super) fn read_choice(raw: &RawValue) -> ToolChoice<'_> {
    let foreign = || ToolChoice::Foreign(Cow::Borrowed(raw));
    if let Some(word) = json::text(raw) {
        return match word.as_ref() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => foreign(),
        };
    }
    if let Some(name) = named(raw) {
        return ToolChoice::Named(name);
    }
    let allowed = || {
        let mut object = Object::of(raw)?;
        let kind = object.text("type").ok()??;
        let mode = object.text("mode").ok()??;
        let tools = object.array("tools").ok()??;
        let names: Option<Vec<_>> = tools.into_iter().map(named).collect();
        (kind == "allowed_tools").then_some(ToolChoice::Allowed {
            names: names?,
            required: mode == "required",
        })
    };
    allowed().unwrap_or_else(foreign)
}

/// The name of a tool of the caller's own.
fn named(raw: &RawValue) -> Option<Cow<'_, str>> {
    let mut object = Object::of(raw)?;
    let kind = object.text("type").ok()??;
    let own = matches!(kind.as_ref(), "function" | "custom");
    object.text("name").ok()?.filter(|_| own)
}

impl Body<'_, '_> {
    /// Writes tools and the choice among them.
    pub(super) fn tools(&mut self) {
        let request = self.request;
        let own = self.own;
        let foreign = |tool: &&Tool<'_>| {
            matches!(
                tool.kind,
                ToolKind::Foreign { .. } | ToolKind::WebSearch { .. }
            )
        };
        if !own && request.tools.iter().any(|tool| foreign(&tool)) {
            self.lossy.lose(Field::Tools);
        }
        let kept: Vec<&Tool<'_>> = request
            .tools
            .iter()
            .filter(|tool| own || !foreign(tool))
            .collect();
        if !kept.is_empty() {
            self.w.key("tools").open_list();
            for tool in &kept {
                self.tool(tool);
            }
            self.w.close_list();
        }
        if kept.is_empty() && !own {
            let forced = request
                .tool_choice
                .as_ref()
                .filter(|choice| !matches!(choice, ToolChoice::Auto | ToolChoice::None));
            self.lossy.lose_if(Field::ToolChoice, forced);
            return;
        }
        if let Some(choice) = &request.tool_choice {
            self.choice(choice);
        }
        self.w
            .member_if("parallel_tool_calls", request.parallel_tools.as_ref());
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        match &tool.kind {
            ToolKind::Function {
                name,
                description,
                parameters,
                strict,
            } => {
                self.w.open().text("type", "function").text("name", name);
                self.w.text_if("description", description.as_deref());
                if self.own {
                    self.w.raw_if("parameters", parameters.as_deref());
                    self.w.member_if("strict", strict.as_ref());
                } else {
                    self.w.key("parameters");
                    match parameters.as_deref() {
                        Some(raw) => self.w.raw(raw),
                        None => self.w.literal(r#"{"type":"object","properties":{}}"#),
                    };
                    // Here strict is what nothing means, and most schemas are not made for it.
                    self.w.member("strict", &strict.unwrap_or(false));
                }
            }
            ToolKind::Custom {
                name,
                description,
                format,
            } => {
                self.w.open().text("type", "custom").text("name", name);
                self.w.text_if("description", description.as_deref());
                self.w.raw_if("format", format.as_deref());
            }
            ToolKind::WebSearch { raw } | ToolKind::Foreign { raw, .. } => {
                self.w.raw(raw);
                return;
            }
        }
        self.lossy.lose_if(Field::Cache, tool.cache.as_ref());
        if self.own {
            self.w.rest(&tool.extra);
        } else {
            self.lossy.lose_members("tools", &tool.extra);
        }
        self.w.close();
    }

    fn choice(&mut self, choice: &ToolChoice<'_>) {
        let word = match choice {
            ToolChoice::Auto => "auto",
            ToolChoice::None => "none",
            ToolChoice::Required => "required",
            ToolChoice::Named(name) => {
                self.w.key("tool_choice");
                self.named(name);
                return;
            }
            ToolChoice::Allowed { names, required } => {
                self.w.key("tool_choice").open();
                self.w.text("type", "allowed_tools");
                self.w
                    .text("mode", if *required { "required" } else { "auto" });
                self.w.key("tools").open_list();
                for name in names {
                    self.named(name);
                }
                self.w.close_list().close();
                return;
            }
            ToolChoice::Foreign(raw) if self.own => {
                self.w.key("tool_choice").raw(raw);
                return;
            }
            ToolChoice::Foreign(_) => {
                self.lossy.lose(Field::ToolChoice);
                return;
            }
        };
        self.w.text("tool_choice", word);
    }

    fn named(&mut self, name: &str) {
        let custom = self.request.tools.iter().any(
            |tool| matches!(&tool.kind, ToolKind::Custom { name: known, .. } if known == name),
        );
        let kind = if custom { "custom" } else { "function" };
        self.w.open().text("type", kind).text("name", name).close();
    }
}
