//! Tools a model may call.

use std::borrow::Cow;

use super::CacheMark;
use crate::json::{Json, Object};

/// A tool.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// What it is.
    pub kind: ToolKind<'a>,
    /// The prompt up to here is worth caching.
    pub cache: Option<CacheMark>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
}

impl Tool<'_> {
    /// About how many bytes it takes to write it.
    pub(crate) fn room(&self) -> usize {
        let raw = |raw: &Json<'_>| raw.get().len();
        let said = match &self.kind {
            ToolKind::Function {
                description,
                parameters: inner,
                ..
            }
            | ToolKind::Custom {
                description,
                format: inner,
                ..
            } => {
                let described = description.as_ref().map_or(0, |text| text.len());
                described + inner.as_ref().map_or(0, raw)
            }
            ToolKind::WebSearch { raw: whole } | ToolKind::Foreign { raw: whole, .. } => raw(whole),
        };
        said + 256
    }
}

/// Kinds of tools.
#[derive(Clone, Debug)]
pub enum ToolKind<'a> {
    /// A function with arguments in JSON.
    Function {
        /// Its name.
        name: Cow<'a, str>,
        /// What it does.
        description: Option<Cow<'a, str>>,
        /// A JSON schema; absent = no arguments.
        parameters: Option<Json<'a>>,
        /// The arguments must follow the schema exactly.
        strict: Option<bool>,
    },
    /// A tool whose input is free text.
    Custom {
        /// Its name.
        name: Cow<'a, str>,
        /// What it does.
        description: Option<Cow<'a, str>>,
        /// OpenAI's `format`.
        format: Option<Json<'a>>,
    },
    /// The vendor looks things up on the network.
    WebSearch {
        /// As it came, for targets of the same dialect.
        raw: Json<'a>,
    },
    /// A tool that only its own dialect knows.
    Foreign {
        /// Its `type`, for the report of what was lost.
        kind: Cow<'a, str>,
        /// The tool as it came.
        raw: Json<'a>,
    },
}

impl ToolKind<'_> {
    /// The name the model calls it by, where it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => Some(name),
            Self::WebSearch { .. } | Self::Foreign { .. } => None,
        }
    }
}

/// Whether a tool is to be called.
#[derive(Clone, Debug)]
pub enum ToolChoice<'a> {
    /// As the model likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(Cow<'a, str>),
    /// One of these, at least one when `required`.
    Allowed {
        /// By name.
        names: Vec<Cow<'a, str>>,
        /// At least one must be called.
        required: bool,
    },
    /// A form that only its own dialect knows.
    Foreign(Json<'a>),
}
