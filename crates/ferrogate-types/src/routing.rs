//! How a model's targets are chosen: the configuration says it, the registry runs it.

use std::time::Duration;

use serde::Serialize;

use crate::{ModelName, serialize_duration, serialize_duration_option};

/// How a model's targets are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Routing {
    /// In which order they are tried.
    pub strategy: Strategy,
    /// Callers that stay with the target they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Models that take over when every target failed, or the request is too long or not wanted here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallback_models: Vec<ModelName>,
    /// A second try while the first one is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
    /// How much of a stream may go by without content before its caller is told that it began.
    pub commit_window: CommitWindow,
}

/// In which order targets are tried.
///
/// Where nothing else is said the others follow in the order of their priority and then as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The only one.
    Single,
    /// As written, smaller priorities first.
    #[default]
    Fallback,
    /// Drawn by weight.
    Weighted,
    /// Each in its turn, as often as its weight says.
    RoundRobin,
    /// The fastest of late; some requests try the others.
    LeastLatency,
    /// The cheapest for this request.
    LowestCost(Unpriced),
    /// The one with the fewest calls under way for its weight.
    LeastBusy,
    /// The same for the same key, by rendezvous hashing with weights.
    Hash(HashKey),
    /// Drawn by weight, each with a label that logs and metrics tell.
    AbTest,
    /// The first whose conditions hold, and no other; the first without conditions when none do.
    Conditional,
    /// The same, with conditions on what is said.
    Content,
}

/// Where a target without a price stands among priced ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    /// Behind them.
    #[default]
    Last,
    /// Nowhere.
    Skip,
    /// In front of them: it costs nothing.
    Free,
}

/// What is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HashKey {
    /// The caller's own user: the body's, or `X-User-ID`.
    User,
    /// `X-Session-ID`.
    Session,
    /// The virtual key.
    Key,
    /// A header of the request.
    Header(String),
    /// So many characters of the conversation's beginning: providers cache prompts by their beginning.
    PromptPrefix(usize),
}

/// Callers that stay with the target they were given, as long as it can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sticky {
    /// Who is the same caller.
    pub key: HashKey,
    /// After so long the choice is made anew; never without.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_duration_option"
    )]
    pub ttl: Option<Duration>,
}

/// A second try, at the next target, while the first one is silent. The slower one is called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hedge {
    /// How long the first one may be silent.
    #[serde(serialize_with = "serialize_duration")]
    pub after: Duration,
    /// Second tries for each hundred requests, 1 to 100.
    pub max_extra_percent: u8,
}

/// How much of a stream may go by without content before its caller is told that it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CommitWindow {
    /// Events.
    pub events: u32,
    /// Bytes.
    pub bytes: u64,
    /// Time since its header came; no limit without.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_duration_option"
    )]
    pub time: Option<Duration>,
}

impl Default for CommitWindow {
    fn default() -> Self {
        Self {
            events: 1024,
            bytes: 64 << 10,
            time: None,
        }
    }
}

/// What routing knows of one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetRouting {
    /// Its share; 0 only when nothing else is left.
    pub weight: u32,
    /// Smaller ones first.
    pub priority: u32,
    /// Its name in logs and metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it is for a request: when every condition of any of these holds; always without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Vec<Condition>>,
}

impl Default for TargetRouting {
    fn default() -> Self {
        Self {
            weight: 1,
            priority: 1,
            label: None,
            when: Vec::new(),
        }
    }
}

/// Something that holds of a request, or does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The model asked for; `*` stands for anything.
    Model(String),
    /// A label of the caller's (`X-Gateway-Metadata`, or the body's `metadata`).
    Metadata {
        /// Its name.
        name: String,
        /// What it must be; `*` stands for anything.
        value: String,
    },
    /// The caller's own user; `*` stands for anything.
    User(String),
    /// Whether a stream is asked for.
    Stream(bool),
    /// Whether tools may be called.
    HasTools(bool),
    /// What the user says contains this, in upper or lower case.
    PromptContains(String),
    /// It does not.
    PromptLacks(String),
    /// It matches this regular expression.
    PromptMatches(String),
    /// More tokens of input than this, as estimated.
    TokensAbove(u64),
    /// Fewer.
    TokensBelow(u64),
}
