//! The output of a prediction as it comes: raw text, and no word of what it cost.

use super::error;
use crate::UpstreamFault;
use crate::chat::{BlockKind, Delta, Event, FinishReason, Start};
use crate::json::Object;
use crate::protocol::{Packet, ReadStream, WriteStream};

/// Reads `output`, `error` and `done`; `logs` are for people.
#[derive(Debug, Default)]
pub(super) struct Reader {
    started: bool,
    done: bool,
}

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        match packet.name {
            Some("output") => self.output(packet.data, events),
            Some("error") => {
                self.done = true;
                events.push(Event::Fault(UpstreamFault::read(packet.data)));
            }
            Some("done") => self.end(packet.data, events),
            _ => {}
        }
    }

    fn finish(&mut self, _events: &mut Vec<Event>) {}

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.ended(FinishReason::Length, events);
    }
}

impl Reader {
    fn start(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start(Start::default()));
            events.push(Event::Open {
                choice: 0,
                block: 0,
                kind: BlockKind::Text,
            });
        }
    }

    fn output(&mut self, data: &[u8], events: &mut Vec<Event>) {
        self.start(events);
        if !data.is_empty() {
            events.push(Event::Delta {
                choice: 0,
                block: 0,
                delta: Delta::Text(String::from_utf8_lossy(data).into_owned()),
            });
        }
    }

    fn end(&mut self, data: &[u8], events: &mut Vec<Event>) {
        self.done = true;
        let reason = Object::parse(data)
            .ok()
            .and_then(|mut object| object.text("reason").ok()?);
        if let Some(reason) = reason {
            let message = format!("the prediction ended early: {reason}");
            events.push(Event::Fault(UpstreamFault::because(message)));
            return;
        }
        self.ended(FinishReason::Stop, events);
        events.push(Event::End);
    }

    fn ended(&mut self, reason: FinishReason, events: &mut Vec<Event>) {
        self.done = true;
        self.start(events);
        events.push(Event::Close {
            choice: 0,
            block: 0,
        });
        events.push(Event::Finish {
            choice: 0,
            reason,
            stop_sequence: None,
        });
    }
}

/// Writes text, and nothing else that is said: the dialect has no place for it.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The block of the first answer that is text and open.
    text: Option<u32>,
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Open {
                choice: 0,
                block,
                kind: BlockKind::Text | BlockKind::Refusal,
            } => self.text = Some(*block),
            Event::Delta {
                choice: 0,
                block,
                delta: Delta::Text(text),
            } if self.text == Some(*block) => output(text, out),
            Event::KeepAlive => out.extend_from_slice(b": keep-alive\n\n"),
            Event::Fault(fault) => out.extend_from_slice(&error::frame(&fault.message)),
            Event::End => out.extend_from_slice(b"event: done\ndata: {}\n\n"),
            _ => {}
        }
    }
}

/// Text of several lines is an event of several `data` lines; a carriage return alone would end one as well.
fn output(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: output\n");
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.split('\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
}
