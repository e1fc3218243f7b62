//! Why a call went where it went: every target that was tried, with what came of it, and every one that was not.

use std::fmt;
use std::time::{Duration, Instant};

use ferrogate_providers::Skip;
use ferrogate_types::{ProviderId, UpstreamModel};

/// The decisions made for one call, in the order they were made.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    begun: Instant,
    steps: Vec<Step>,
}

/// One target.
#[derive(Clone, Debug)]
struct Step {
    /// The provider, or a model that might have taken over.
    who: String,
    model: Option<UpstreamModel>,
    /// Why it was its turn; empty for one that had none.
    why: &'static str,
    label: Option<String>,
    /// Since the call began.
    at: Duration,
    took: Duration,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    /// It answered; bytes sent on to the caller.
    Answered(usize),
    /// It began to answer and did not come to the end; bytes sent on to the caller, and why.
    Cut(usize, String),
    /// It failed: in words, in a word, and the status if there was one.
    Failed(String, &'static str, Option<u16>),
    /// It was not tried.
    Left(&'static str),
}

/// A target whose turn it is.
pub(crate) struct Turn<'a> {
    pub(crate) provider: &'a ProviderId,
    pub(crate) model: &'a UpstreamModel,
    pub(crate) why: &'static str,
    pub(crate) label: Option<&'a str>,
    pub(crate) begun: Instant,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// A part of it, for what happens beside the rest.
    pub(crate) fn branch(&self) -> Self {
        Self {
            begun: self.begun,
            steps: Vec::new(),
        }
    }

    /// Takes a part back, each decision at its time.
    pub(crate) fn join(&mut self, branch: Self) {
        self.steps.extend(branch.steps);
        self.steps.sort_by_key(|step| step.at);
    }

    /// Notes a model that does not take over.
    pub(crate) fn passed_over(&mut self, model: &str, why: &'static str) {
        self.push_left(model.to_owned(), why);
    }

    /// Notes targets that are not even tried.
    pub(crate) fn left_out(&mut self, skipped: &[Skip]) {
        for skip in skipped {
            self.left(&skip.provider, skip.reason.as_str());
        }
    }

    /// Notes a target whose turn came and went.
    pub(crate) fn left(&mut self, provider: &ProviderId, why: &'static str) {
        self.push_left(provider.to_string(), why);
    }

    fn push_left(&mut self, who: String, why: &'static str) {
        self.steps.push(Step {
            who,
            model: None,
            why: "",
            label: None,
            at: self.begun.elapsed(),
            took: Duration::ZERO,
            end: End::Left(why),
        });
    }

    /// Notes a try that failed.
    pub(crate) fn failed(
        &mut self,
        turn: &Turn<'_>,
        what: &impl fmt::Display,
        label: &'static str,
        status: Option<u16>,
    ) {
        self.tried(turn, End::Failed(what.to_string(), label, status));
    }

    /// Notes the try that was answered.
    pub(crate) fn answered(&mut self, turn: &Turn<'_>) {
        self.tried(turn, End::Answered(0));
    }

    /// Notes how much of the answer went to the caller, in bytes.
    pub(crate) fn received(&mut self, bytes: usize) {
        let last = self.steps.iter_mut().rev();
        for step in last {
            if let End::Answered(received) = &mut step.end {
                *received = bytes;
                return;
            }
        }
    }

    /// Notes why the answer was not sent to its end, behind [`Self::received`].
    pub(crate) fn cut(&mut self, why: &str) {
        let answered = self.steps.iter_mut().rev().find_map(|step| match step.end {
            End::Answered(bytes) => Some((bytes, &mut step.end)),
            _ => None,
        });
        if let Some((bytes, end)) = answered {
            *end = End::Cut(bytes, why.to_owned());
        }
    }

    fn tried(&mut self, turn: &Turn<'_>, end: End) {
        self.steps.push(Step {
            who: turn.provider.to_string(),
            model: Some(turn.model.clone()),
            why: turn.why,
            label: turn.label.map(str::to_owned),
            at: turn.begun.saturating_duration_since(self.begun),
            took: turn.begun.elapsed(),
            end,
        });
    }

    /// Tries made.
    pub(crate) fn tries(&self) -> usize {
        let tried = |step: &&Step| !matches!(step.end, End::Left(_));
        self.steps.iter().filter(tried).count()
    }

    /// In short, for a header: how many tries, and what came of each target.
    pub(crate) fn short(&self) -> String {
        let mut text = self.tries().to_string();
        for step in &self.steps {
            text += "; ";
            text += &step.who;
            text.push('=');
            match &step.end {
                End::Answered(_) | End::Cut(..) => text += "ok",
                End::Failed(_, _, Some(status)) => text += &status.to_string(),
                End::Failed(_, label, None) => text += label,
                End::Left(_) => text += "skipped",
            }
        }
        text
    }

    /// In words, for a person who was refused: what was tried, and what was not.
    pub(crate) fn told(&self) -> String {
        let steps = self.steps.iter().map(|step| match &step.end {
            End::Answered(_) | End::Cut(..) => {
                format!("{}: ok after {} ms", step.who, step.took.as_millis())
            }
            End::Failed(what, ..) => {
                format!("{}: {what} after {} ms", step.who, step.took.as_millis())
            }
            End::Left(why) => format!("{}: {why}", step.who),
        });
        steps.collect::<Vec<_>>().join("; ")
    }

    /// For the log: one line for each target.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.steps.iter().map(Step::to_string).collect()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)?;
        if let Some(model) = &self.model {
            write!(f, ":{model}")?;
        }
        if !self.why.is_empty() {
            write!(f, " ({}", self.why)?;
            if let Some(label) = &self.label {
                write!(f, ", {label}")?;
            }
            f.write_str(")")?;
        }
        match &self.end {
            End::Answered(bytes) => write!(f, ": ok, {bytes} bytes")?,
            End::Cut(bytes, why) => write!(f, ": {bytes} bytes, then {why}")?,
            End::Failed(what, ..) => write!(f, ": {what}")?,
            End::Left(why) => return write!(f, ": not tried: {why}"),
        }
        write!(
            f,
            ", at {} ms for {} ms",
            self.at.as_millis(),
            self.took.as_millis()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrogate_providers::SkipReason;

    #[test]
    fn tells_what_was_tried_and_what_was_not() {
        let (a, b): (ProviderId, ProviderId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let model: UpstreamModel = "m".parse().unwrap();
        let mut trace = Trace::new();
        trace.left_out(&[Skip {
            provider: "c".parse().unwrap(),
            reason: SkipReason::CircuitOpen,
        }]);
        let turn = |provider, why, label| Turn {
            provider,
            model: &model,
            why,
            label,
            begun: Instant::now(),
        };
        trace.failed(
            &turn(&a, "weight", Some("B")),
            &"status 503",
            "server_error",
            Some(503),
        );
        trace.failed(&turn(&a, "weight", Some("B")), &"timeout", "timeout", None);
        trace.answered(&turn(&b, "next", None));
        trace.received(12);
        assert_eq!(trace.tries(), 3);
        let mut broken = trace.clone();
        broken.cut("the caller left");
        assert!(
            broken.lines()[3].starts_with("b:m (next): 12 bytes, then the caller left, at "),
            "{:?}",
            broken.lines()
        );
        assert_eq!(trace.short(), "3; c=skipped; a=503; a=timeout; b=ok");
        let lines = trace.lines();
        for (line, expected) in lines.iter().zip([
            "c: not tried: circuit open after failures",
            "a:m (weight, B): status 503, at ",
            "a:m (weight, B): timeout, at ",
            "b:m (next): ok, 12 bytes, at ",
        ]) {
            assert!(line.starts_with(expected), "{line}");
        }
        assert!(
            trace
                .told()
                .starts_with("c: circuit open after failures; a: status 503 after ")
        );
    }
}
