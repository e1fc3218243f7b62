//! A prediction, which may not be over yet.

use std::borrow::Cow;

use crate::json::Object;

/// What a prediction says of itself: where it stands, and where to ask on.
///
/// The addresses are the provider's words: whoever asks there checks that they belong to it.
#[derive(Clone, Debug)]
pub struct Prediction<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// Where it stands.
    pub status: PredictionStatus,
    /// Where to ask for it again.
    pub get: Option<Cow<'a, str>>,
    /// Where to call it off: one that nobody waits for runs on and is billed.
    pub cancel: Option<Cow<'a, str>>,
    /// Where its output streams, when it was asked to.
    pub stream: Option<Cow<'a, str>>,
}

/// Where a prediction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionStatus {
    /// A machine is being started, or the model is running.
    Running,
    /// It is done.
    Succeeded,
    /// It went wrong, or was called off.
    Failed,
}

impl<'a> Prediction<'a> {
    /// Reads the answer to the creation of a prediction, or to a question for it; `None` when it is none.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut object = Object::parse(body).ok()?;
        let status = match object.text("status").ok()??.as_ref() {
            "succeeded" => PredictionStatus::Succeeded,
            "failed" | "canceled" | "aborted" => PredictionStatus::Failed,
            // `starting`, `processing`, and whatever comes before the end next year.
            _ => PredictionStatus::Running,
        };
        let mut urls = object.object("urls").ok().flatten().unwrap_or_default();
        let mut url = |name| urls.text(name).ok().flatten();
        Some(Self {
            status,
            get: url("get"),
            cancel: url("cancel"),
            stream: url("stream"),
            id: object.text("id").ok()??,
        })
    }
}
