//! What a stream of OpenAI's API is doing: content, usage, error, end.

mod length;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use ferrogate_types::Usage;
use serde::Deserialize;
use serde_json::{Value, json};

use self::length::start_of;
use crate::chat::Start;
use crate::json;
use crate::openai_responses::Outline;
use crate::{Dialect, ErrorBody, Frame, Surface, UpstreamFault, encode_event, read_usage};

/// Watches one stream frame by frame.
///
/// It never changes a frame; it says what the relay should do with it. Usage is read wherever it stands; the
/// last report wins, because providers that report more than once report running totals.
#[derive(Debug)]
pub struct StreamWatch {
    surface: Surface,
    hide_usage: bool,
    usage: Option<Usage>,
    choices: u64,
    /// Choices that said why they finished, and those that went by without.
    finished: BTreeSet<u64>,
    unfinished: BTreeSet<u64>,
    content: bool,
    output_bytes: usize,
    /// Content went by behind the last report of usage.
    unreported: bool,
    end: Option<StreamEnd>,
    /// Where the last frame's data names the model.
    model_span: Option<Range<usize>>,
    /// How the answer began, by its first chunk.
    start: Option<Start>,
    /// What the end of a stream of Responses has to repeat.
    outline: Option<Box<Outline>>,
}

/// What to do with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameAction {
    /// Send it on: content, a comment, or anything unknown.
    Forward,
    /// Keep it back: usage that the caller did not ask for.
    Hide,
    /// It ends the stream; send it on and stop.
    Terminal,
    /// It is the provider's error; send it on if content went before, and stop.
    Fault(UpstreamFault),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// With the dialect's terminal event.
    Complete,
    /// With the provider's error.
    Fault,
}

#[derive(Deserialize)]
struct Choices<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    model: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    finish_reason: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// Choices told apart; a provider that makes up more cannot fill the memory with them.
const MOST_CHOICES: usize = 1024;

impl StreamWatch {
    /// Watches a stream of `surface`; frames that hold nothing but usage are hidden when `hide_usage` is set.
    pub fn new(surface: Surface, hide_usage: bool) -> Self {
        Self {
            surface,
            hide_usage,
            usage: None,
            choices: 1,
            finished: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            content: false,
            output_bytes: 0,
            unreported: false,
            end: None,
            model_span: None,
            start: None,
            outline: Outline::of(surface.dialect()),
        }
    }

    /// Says how many choices were asked for; one without.
    #[must_use]
    pub fn expecting(mut self, choices: u64) -> Self {
        self.choices = choices;
        self
    }

    /// What the caller speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        self.surface.dialect()
    }

    /// Looks at the next frame.
    pub fn see(&mut self, frame: &Frame) -> FrameAction {
        self.model_span = None;
        let Some(data) = frame.data() else {
            return FrameAction::Forward;
        };
        if data.as_ref() == b"[DONE]" {
            self.end = Some(StreamEnd::Complete);
            return FrameAction::Terminal;
        }
        if let Some(fault) = UpstreamFault::in_answer(&data) {
            self.end = Some(StreamEnd::Fault);
            return FrameAction::Fault(fault);
        }
        let usage = read_usage(&data);
        if let Some(usage) = usage {
            self.usage = Some(usage);
            self.unreported = false;
        }
        if let Some(outline) = &mut self.outline {
            if !outline.see(frame.event(), &data) {
                return self.junk(&data);
            }
            return self.see_responses_event(frame, &data);
        }
        let chunk = serde_json::from_slice::<Choices<'_>>(&data).ok();
        if chunk.is_none() && json::peek(&data, []).is_err() {
            return self.junk(&data);
        }
        self.model_span = chunk.as_ref().and_then(|chunk| {
            let raw = chunk.model?.get();
            let start = raw.as_ptr().addr() - data.as_ptr().addr();
            raw.starts_with('"').then(|| start..start + raw.len())
        });
        let choices = chunk.and_then(|chunk| chunk.choices);
        match choices {
            Some(choices) if choices.is_empty() && usage.is_some() && self.hide_usage => {
                return FrameAction::Hide;
            }
            Some(choices) => {
                self.content = true;
                self.output_bytes += data.len();
                self.unreported = usage.is_none();
                if self.start.is_none() && !choices.is_empty() {
                    self.start = Some(start_of(&data));
                }
                for choice in &choices {
                    self.note(choice);
                }
            }
            None => {}
        }
        FrameAction::Forward
    }

    /// An event that is not even JSON; an empty one says nothing.
    fn junk(&mut self, data: &[u8]) -> FrameAction {
        if data.trim_ascii().is_empty() {
            return FrameAction::Forward;
        }
        self.end = Some(StreamEnd::Fault);
        FrameAction::Fault(UpstreamFault::junk())
    }

    fn note(&mut self, choice: &Choice<'_>) {
        let index = choice.index.unwrap_or_default();
        let finished = choice
            .finish_reason
            .is_some_and(|reason| reason.get() != "null");
        let room = self.finished.len() + self.unfinished.len() < MOST_CHOICES;
        if finished && (self.unfinished.remove(&index) || room) {
            self.finished.insert(index);
        } else if room && !self.finished.contains(&index) {
            self.unfinished.insert(index);
        }
    }

    /// The terminal events of the Responses API, named by the event or, where a server leaves that out, in its data.
    /// Source: OpenAI's OpenAPI document, `ResponseStreamEvent`.
    fn see_responses_event(&mut self, frame: &Frame, data: &[u8]) -> FrameAction {
        let named = frame.event().map(Cow::Borrowed).or_else(|| {
            serde_json::from_slice::<Typed<'_>>(data)
                .ok()
                .map(|typed| typed.kind)
        });
        match named.as_deref().unwrap_or_default() {
            "response.completed" | "response.incomplete" => {
                self.end = Some(StreamEnd::Complete);
                FrameAction::Terminal
            }
            "response.failed" => {
                self.end = Some(StreamEnd::Fault);
                let json: Value = serde_json::from_slice(data).unwrap_or_default();
                let error = json.get("response").cloned().unwrap_or_default();
                FrameAction::Fault(UpstreamFault::read(error.to_string().as_bytes()))
            }
            "response.created" | "response.in_progress" | "response.queued" => FrameAction::Forward,
            _ => {
                self.content = true;
                self.output_bytes += data.len();
                self.unreported = true;
                FrameAction::Forward
            }
        }
    }

    /// Usage as last reported.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether content went by that the usage, as last reported, knows nothing of.
    pub(crate) fn usage_is_behind(&self) -> bool {
        self.unreported
    }

    /// Where the data of the frame just seen names the model.
    pub(crate) fn model_span(&self) -> Option<Range<usize>> {
        self.model_span.clone()
    }

    /// Whether a frame with content went by.
    pub fn has_content(&self) -> bool {
        self.content
    }

    /// Bytes of content frames: what an estimate of the output rests on.
    pub fn output_bytes(&self) -> usize {
        self.output_bytes
    }

    /// How it ended, or nothing while it has not.
    pub fn end(&self) -> Option<StreamEnd> {
        self.end
    }

    /// Whether every choice said why it finished, so that only the sentinel is missing: some servers close
    /// without `[DONE]`, and the answer is whole nevertheless.
    pub fn only_sentinel_missing(&self) -> bool {
        self.end.is_none()
            && matches!(
                self.surface.dialect(),
                Dialect::OpenAiChat | Dialect::OpenAiText
            )
            && self.unfinished.is_empty()
            && !self.finished.is_empty()
            && u64::try_from(self.finished.len()).is_ok_and(|count| count >= self.choices)
    }

    /// The terminal frame a server left out.
    pub fn sentinel() -> Bytes {
        Bytes::from_static(b"data: [DONE]\n\n")
    }

    /// The frame that tells the caller that the stream broke.
    ///
    /// Chat and completions carry the envelope as data and no `[DONE]` behind it; SDKs raise on it. The
    /// Responses API has an event of its own.
    pub fn error_frame(surface: Surface, error: &ErrorBody<'_>) -> Bytes {
        if surface.dialect() == Dialect::OpenAiResponses {
            let event = json!({
                "type": "error", "code": error.code, "message": error.message, "param": error.param, "sequence_number": 0,
            });
            encode_event(Some("error"), &event.to_string())
        } else {
            encode_event(None, &error.to_json().to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FrameAction::{Forward, Hide, Terminal};
    use super::*;
    use crate::SseDecoder;

    fn watch(surface: Surface, hide: bool, text: &str) -> (StreamWatch, Vec<FrameAction>) {
        let mut decoder = SseDecoder::new(1 << 20);
        decoder
            .push(Bytes::copy_from_slice(text.as_bytes()))
            .unwrap();
        let mut watch = StreamWatch::new(surface, hide);
        let mut actions = Vec::new();
        while let Some(frame) = decoder.next_frame() {
            actions.push(watch.see(&frame));
        }
        (watch, actions)
    }

    const CHAT: &str = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    );

    #[test]
    fn hides_usage_nobody_asked_for() {
        let text = format!("{CHAT}data: [DONE]\n\n");
        let (seen, actions) = watch(Surface::CHAT, true, &text);
        assert_eq!(actions, [Forward, Forward, Hide, Terminal]);
        assert_eq!(seen.usage().map(|usage| usage.total()), Some(5));
        assert_eq!(seen.end(), Some(StreamEnd::Complete));
        let (_, actions) = watch(Surface::CHAT, false, &text);
        assert_eq!(actions, [Forward, Forward, Forward, Terminal]);
    }

    #[test]
    fn a_missing_sentinel_is_not_a_broken_answer() {
        assert!(watch(Surface::CHAT, true, CHAT).0.only_sentinel_missing());
        let cut = CHAT.split("\n\n").next().unwrap().to_owned() + "\n\n";
        let (seen, _) = watch(Surface::CHAT, true, &cut);
        assert!(!seen.only_sentinel_missing() && seen.has_content() && seen.end().is_none());
    }

    #[test]
    fn one_finished_choice_of_two_is_a_broken_answer() {
        let chunk = |index: u64, reason: &str| {
            format!("data: {{\"choices\":[{{\"index\":{index},\"finish_reason\":{reason}}}]}}\n\n")
        };
        for (chunks, whole) in [
            (vec![(0, "\"stop\"")], false),
            (vec![(1, "null"), (0, "\"stop\"")], false),
            (vec![(1, "null"), (0, "\"stop\""), (1, "\"stop\"")], true),
        ] {
            let text: String = chunks
                .iter()
                .map(|(index, reason)| chunk(*index, reason))
                .collect();
            let mut decoder = SseDecoder::new(1 << 20);
            decoder.push(text.into()).unwrap();
            let mut watch = StreamWatch::new(Surface::CHAT, true).expecting(2);
            while let Some(frame) = decoder.next_frame() {
                assert_eq!(watch.see(&frame), Forward);
            }
            assert_eq!(watch.only_sentinel_missing(), whole, "{chunks:?}");
        }
    }

    #[test]
    fn responses_are_named_by_their_data_as_well() {
        let text = "data: {\"type\":\"response.completed\",\"response\":{}}\n\n";
        let (seen, actions) = watch(Surface::RESPONSES, true, text);
        assert_eq!(
            (actions, seen.end()),
            (vec![Terminal], Some(StreamEnd::Complete))
        );
    }

    #[test]
    fn sees_errors_in_streams() {
        let (seen, actions) = watch(
            Surface::CHAT,
            true,
            "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"server_error\"}}\n\n",
        );
        assert!(
            matches!(actions.as_slice(), [FrameAction::Fault(fault)] if fault.message == "overloaded")
        );
        assert_eq!(seen.end(), Some(StreamEnd::Fault));
        let (_, actions) = watch(
            Surface::RESPONSES,
            true,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"m\",\"code\":\"c\"}}}\n\n",
        );
        assert!(matches!(actions.as_slice(), [FrameAction::Fault(fault)] if fault.message == "m"));
    }

    #[test]
    fn responses_end_with_their_own_event() {
        let text = concat!(
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
        );
        let (seen, actions) = watch(Surface::RESPONSES, true, text);
        assert_eq!(actions.last(), Some(&FrameAction::Terminal));
        assert_eq!(
            (seen.end(), seen.usage().map(|usage| usage.total())),
            (Some(StreamEnd::Complete), Some(3))
        );
    }

    #[test]
    fn says_that_it_broke_in_the_dialect() {
        let error = ErrorBody {
            message: "cut",
            kind: "server_error",
            param: None,
            code: "upstream_error",
            request_id: None,
        };
        let chat = StreamWatch::error_frame(Surface::CHAT, &error);
        assert!(chat.starts_with(b"data: {\"error\":{"));
        let responses = StreamWatch::error_frame(Surface::RESPONSES, &error);
        assert!(responses.starts_with(b"event: error\ndata: {"));
    }
}
