//! The upstream: one KiB of JSON, or a stream, in the dialect of the path.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::message;
use crate::options::Options;

/// What is answered in each dialect.
struct Answers {
    chat: Wire,
    messages: Wire,
    events: usize,
}

/// The answers of one dialect, as on the wire.
struct Wire {
    json: Bytes,
    stream_begin: Bytes,
    event: Bytes,
    stream_end: Bytes,
}

/// Serves until it is killed; its port stands in the file as soon as it listens.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let answers = Arc::new(Answers::new(options.events));
    crate::runtime(options.threads)?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| format!("no port: {error}"))?;
        let port = listener
            .local_addr()
            .map_err(|error| format!("no port: {error}"))?
            .port();
        std::fs::write(&options.port_file, port.to_string())
            .map_err(|error| format!("writing `{}`: {error}", options.port_file.display()))?;
        loop {
            // A connection that breaks while it is accepted is nothing to stop for.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            tokio::spawn(serve(stream, Arc::clone(&answers)));
        }
    })
}

impl Answers {
    fn new(events: usize) -> Self {
        Self {
            chat: Wire::chat(),
            messages: Wire::messages(),
            events,
        }
    }

    /// The dialect of a request, which its path tells.
    fn of(&self, head: &[u8]) -> &Wire {
        if head.starts_with(b"POST /v1/messages") {
            &self.messages
        } else {
            &self.chat
        }
    }
}

impl Wire {
    /// OpenAI's chat completions.
    fn chat() -> Self {
        let answer = |text: String| {
            json!({
                "id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": "bench",
                "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
            })
        };
        let event = json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 0, "model": "bench",
            "choices": [{ "index": 0, "delta": { "content": "token " }, "finish_reason": null }],
        });
        let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        Self {
            json: whole(answer),
            stream_begin: STREAM_HEAD.into(),
            event: chunk(&format!("data: {event}\n\n")).into(),
            stream_end: [
                chunk(&format!("data: {last}\n\n")),
                chunk("data: [DONE]\n\n"),
                "0\r\n\r\n".to_owned(),
            ]
            .concat()
            .into(),
        }
    }

    /// Anthropic's Messages.
    fn messages() -> Self {
        let answer = |text: String| {
            json!({
                "id": "msg_bench", "type": "message", "role": "assistant", "model": "bench",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": { "input_tokens": 10, "output_tokens": 10 },
            })
        };
        let event = |data: Value| {
            let name = data["type"].as_str().unwrap_or_default();
            chunk(&format!("event: {name}\ndata: {data}\n\n"))
        };
        let start = event(json!({ "type": "message_start", "message": {
            "id": "msg_bench", "type": "message", "role": "assistant", "model": "bench", "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 10, "output_tokens": 1 },
        }}));
        let open = event(json!({
            "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" },
        }));
        let token = event(json!({
            "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "token " },
        }));
        Self {
            json: whole(answer),
            stream_begin: [STREAM_HEAD, &start, &open].concat().into(),
            event: token.into(),
            stream_end: [
                event(json!({ "type": "content_block_stop", "index": 0 })),
                event(json!({
                    "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null },
                    "usage": { "output_tokens": 10 },
                })),
                event(json!({ "type": "message_stop" })),
                "0\r\n\r\n".to_owned(),
            ]
            .concat()
            .into(),
        }
    }
}

const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An answer whose text fills it up to one KiB.
fn whole(answer: impl Fn(String) -> Value) -> Bytes {
    let padding = 1024_usize.saturating_sub(answer(String::new()).to_string().len());
    let body = answer("x".repeat(padding)).to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(16 << 10);
    while let Some(head) = message::head(&mut stream, &mut buffer).await? {
        let wire = answers.of(&buffer.split_to(head.size));
        let length = head.length.unwrap_or(0);
        while buffer.len() < length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body = buffer.split_to(length);
        if !body.windows(13).any(|window| window == b"\"stream\":true") {
            stream.write_all(&wire.json).await?;
            continue;
        }
        // One write for each event, as a model makes them.
        stream.write_all(&wire.stream_begin).await?;
        for _ in 0..answers.events {
            stream.write_all(&wire.event).await?;
        }
        stream.write_all(&wire.stream_end).await?;
    }
    Ok(())
}
