//! Tools and whether they are to be called.

use serde_json::value::RawValue;

use super::plan::{Choice, JsonAnswer, Plan};
use super::schema;
use super::write::Body;
use crate::chat::{CacheMark, Tool, ToolChoice, ToolKind};
use crate::emulation::JSON_TOOL;
use crate::json::{self, Object};
use crate::lossy::Field;

/// The web search that all models have which have any.
const WEB_SEARCH: &str = "web_search_20250305";

impl Body<'_, '_> {
    /// Tools of a request of this dialect.
    pub(super) fn tools_as_they_came(&mut self) {
        let request = self.request;
        if !request.tools.is_empty() {
            self.w.key("tools").open_list();
            for tool in &request.tools {
                self.tool(tool);
            }
            self.w.close_list();
        }
        let (kind, name) = match &request.tool_choice {
            None => return,
            Some(ToolChoice::Foreign(raw)) => {
                self.w.key("tool_choice").raw(raw);
                return;
            }
            Some(ToolChoice::Auto) => ("auto", None),
            Some(ToolChoice::Required | ToolChoice::Allowed { .. }) => ("any", None),
            Some(ToolChoice::None) => ("none", None),
            Some(ToolChoice::Named(name)) => ("tool", Some(name.as_ref())),
        };
        self.w.key("tool_choice").open().text("type", kind);
        self.w.text_if("name", name);
        let single = request.parallel_tools.map(|parallel| !parallel);
        self.w
            .member_if("disable_parallel_tool_use", single.as_ref());
        self.w.rest_of(&request.extra, "tool_choice").close();
    }

    /// Tools of a request of another dialect.
    pub(super) fn tools(&mut self, plan: &Plan<'_>) {
        let request = self.request;
        let allowed: Vec<&Tool<'_>> = request
            .tools
            .iter()
            .filter(|tool| is_allowed(tool, request.tool_choice.as_ref()))
            .collect();
        let kept: Vec<&Tool<'_>> = allowed
            .into_iter()
            .filter(|tool| !matches!(tool.kind, ToolKind::Foreign { .. }))
            .collect();
        if request
            .tools
            .iter()
            .any(|tool| matches!(tool.kind, ToolKind::Foreign { .. }))
        {
            self.lossy.lose(Field::Tools);
        }
        let json = match plan.json {
            JsonAnswer::Tool(schema) => Some(schema),
            _ => None,
        };
        if kept.is_empty() && json.is_none() {
            if matches!(plan.choice, Choice::Any | Choice::Tool(_)) {
                self.lossy.lose(Field::ToolChoice);
            }
            return;
        }
        self.w.key("tools").open_list();
        for tool in kept {
            self.tool(tool);
        }
        if let Some(found) = json {
            self.w.open().text("name", JSON_TOOL);
            let description = found.description.unwrap_or("The answer, in full.");
            self.w.text("description", description);
            self.w.key("input_schema");
            schema::write_arguments(Some(found.schema), &mut self.w);
            self.w.close();
        }
        self.w.close_list();
        self.choice(plan.choice);
    }

    fn choice(&mut self, choice: Choice<'_>) {
        let (kind, name) = match choice {
            Choice::Unsaid => return,
            Choice::Auto => ("auto", None),
            Choice::Any => ("any", None),
            Choice::Tool(name) => ("tool", Some(name)),
            Choice::None => ("none", None),
        };
        self.w.key("tool_choice").open().text("type", kind);
        self.w.text_if("name", name);
        // Several at once are the default; without any there is nothing to say.
        if self.request.parallel_tools == Some(false) && choice != Choice::None {
            self.w.member("disable_parallel_tool_use", &true);
        }
        self.w.close();
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        match &tool.kind {
            ToolKind::Function {
                name,
                description,
                parameters,
                strict,
            } => {
                self.w.open().text("name", name);
                self.w.text_if("description", description.as_deref());
                if self.own {
                    self.w.raw_if("input_schema", parameters.as_deref());
                    self.w.member_if("strict", strict.as_ref());
                } else {
                    self.arguments(parameters.as_deref(), *strict == Some(true));
                }
            }
            ToolKind::Custom {
                name,
                description,
                format,
            } => {
                self.w.open().text("name", name);
                self.w.text_if("description", description.as_deref());
                self.w.key("input_schema").literal(
                    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#,
                );
                if !is_free(format.as_deref()) {
                    self.lossy.lose_named("tools.custom.format");
                }
            }
            ToolKind::WebSearch { raw } if !self.own => {
                self.web_search(raw);
                return;
            }
            ToolKind::WebSearch { raw } | ToolKind::Foreign { raw, .. } => {
                self.w.raw(raw);
                return;
            }
        }
        self.points.write(tool.cache, &mut self.w, self.lossy);
        if self.own {
            self.w.rest(&tool.extra);
        } else {
            self.lossy.lose_members("tools", &tool.extra);
        }
        self.w.close();
    }

    /// The schema of a tool's arguments, which binds the model where it can.
    fn arguments(&mut self, parameters: Option<&RawValue>, strict: bool) {
        if strict && !self.target.traits.json_schema {
            self.lossy.lose(Field::ToolStrict);
        }
        self.w.key("input_schema");
        match parameters {
            Some(parameters) if strict && self.target.traits.json_schema => {
                if !schema::write(parameters, &mut self.w) {
                    self.lossy.lose(Field::ToolStrict);
                }
                self.w.member("strict", &true);
            }
            parameters => schema::write_arguments(parameters, &mut self.w),
        }
    }

    /// OpenAI's search as Anthropic's: where the user is and which sites count is said alike.
    fn web_search(&mut self, raw: &RawValue) {
        let mut object = Object::of(raw).unwrap_or_default();
        object.take("type");
        self.w.open().text("type", WEB_SEARCH);
        self.w.text("name", "web_search");
        if let Ok(Some(mut filters)) = object.object("filters") {
            self.w
                .raw_if("allowed_domains", filters.take("allowed_domains"));
            self.lossy.lose_members("tools.filters", &filters);
        }
        self.w.raw_if("user_location", object.take("user_location"));
        self.w.close();
        self.lossy.lose_members("tools", &object);
    }

    /// How many marks the tools have.
    pub(super) fn tool_marks(&self) -> usize {
        let marked = |tool: &&Tool<'_>| -> bool {
            let mark: Option<CacheMark> = tool.cache;
            mark.is_some() && is_allowed(tool, self.request.tool_choice.as_ref())
        };
        self.request.tools.iter().filter(marked).count()
    }
}

/// Whether a tool is among those that may be called.
fn is_allowed(tool: &Tool<'_>, choice: Option<&ToolChoice<'_>>) -> bool {
    match (choice, tool.kind.name()) {
        (Some(ToolChoice::Allowed { names, .. }), Some(name)) => {
            names.iter().any(|allowed| allowed == name)
        }
        _ => true,
    }
}

/// Whether the input of a custom tool is any text.
fn is_free(format: Option<&RawValue>) -> bool {
    format.is_none_or(|raw| {
        Object::of(raw)
            .and_then(|mut object| object.take("type"))
            .and_then(json::text)
            .is_some_and(|kind| kind == "text")
    })
}
