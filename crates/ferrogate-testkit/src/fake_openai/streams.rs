//! Streams with an event that is not what it should be, or with unusual ones that are.

use std::io;

use serde_json::Value;

use super::fault::Fault;
use super::shape::{self, Surface};
use super::{STREAM_HEAD, chunk};
use crate::wire::Wire;

/// More than anybody should keep of one event.
const HUGE: usize = 33 << 20;

/// A stream with a fault among its events.
pub(super) fn answer(
    wire: &mut Wire,
    fault: Fault,
    surface: Surface,
    request: &Value,
) -> io::Result<()> {
    let mut asked = request.clone();
    if fault == Fault::RunningUsage {
        asked["stream_options"] = Value::Null;
    }
    let mut events = shape::events(surface, &asked);
    wire.write(STREAM_HEAD)?;
    match fault {
        Fault::BrokenChunk(count) => {
            send(wire, events.iter().take(count))?;
            return wire.write(b"zz\r\nthis is no chunk\r\n");
        }
        Fault::HugeEventAfterEvents(count) => {
            send(wire, events.iter().take(count))?;
            wire.write(format!("{HUGE:x}\r\ndata: \"").as_bytes())?;
            let piece = vec![b'h'; 1 << 20];
            while wire.write(&piece).is_ok() {}
            return Ok(());
        }
        Fault::JunkAfterEvents(count) => {
            events.insert(
                count,
                "data: {\"choices\":[{\"index\":0,\"de<junk>\n\n".to_owned(),
            );
        }
        Fault::LargeEvent => {
            let padding = format!("{{\"padding\":\"{}\",", "p".repeat(1 << 20));
            events[1] = events[1].replacen('{', &padding, 1);
        }
        Fault::LineEnds(end) => {
            for event in &mut events {
                *event = event.replace('\n', end);
            }
        }
        Fault::SeveralLines => {
            for event in &mut events {
                *event = several_lines(event);
            }
            events.insert(0, "\u{feff}: a comment\nid: 7\nretry: 10\n\n".to_owned());
        }
        Fault::RunningUsage => {
            for (index, event) in events.iter_mut().enumerate() {
                let usage = shape::usage_so_far(index);
                *event = event.replacen("data: {", &format!("data: {{\"usage\":{usage},"), 1);
            }
        }
        _ => {
            let again = events.clone();
            events.extend(again);
        }
    }
    send(wire, events.iter())?;
    wire.write(b"0\r\n\r\n")
}

fn send<'e>(wire: &mut Wire, events: impl Iterator<Item = &'e String>) -> io::Result<()> {
    for event in events {
        wire.write(&chunk(event.as_bytes()))?;
    }
    Ok(())
}

/// The event with its JSON on several lines of data.
fn several_lines(event: &str) -> String {
    let Some(data) = event.strip_prefix("data: ") else {
        return event.to_owned();
    };
    let pretty = serde_json::from_str::<Value>(data.trim_end())
        .map_or_else(|_| data.trim_end().to_owned(), |json| format!("{json:#}"));
    let lines: Vec<String> = pretty
        .lines()
        .map(|line| format!("data:{line}\n"))
        .collect();
    lines.concat() + "\n"
}
