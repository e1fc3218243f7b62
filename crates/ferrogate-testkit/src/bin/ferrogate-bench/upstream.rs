//! The upstream: one KiB of JSON, or a stream.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::message;
use crate::options::Options;

/// What is answered, as on the wire.
struct Answers {
    json: Bytes,
    stream_head: Bytes,
    event: Bytes,
    stream_end: Bytes,
    events: usize,
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
        let mut body = json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": "bench",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
        });
        let padding = 1024_usize.saturating_sub(body.to_string().len());
        body["choices"][0]["message"]["content"] = "x".repeat(padding).into();
        let body = body.to_string();
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type:";
        let event = json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 0, "model": "bench",
            "choices": [{ "index": 0, "delta": { "content": "token " }, "finish_reason": null }],
        });
        let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        let done = [
            chunk(&format!("data: {last}\n\n")),
            chunk("data: [DONE]\n\n"),
            "0\r\n\r\n".to_owned(),
        ];
        Self {
            json: format!("{head} application/json\r\nContent-Length: {length}\r\n\r\n{body}")
                .into(),
            stream_head: format!("{head} text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .into(),
            event: chunk(&format!("data: {event}\n\n")).into(),
            stream_end: done.concat().into(),
            events,
        }
    }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(16 << 10);
    while let Some(head) = message::head(&mut stream, &mut buffer).await? {
        let _head = buffer.split_to(head.size);
        let length = head.length.unwrap_or(0);
        while buffer.len() < length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body = buffer.split_to(length);
        if !body.windows(13).any(|window| window == b"\"stream\":true") {
            stream.write_all(&answers.json).await?;
            continue;
        }
        // One write for each event, as a model makes them.
        stream.write_all(&answers.stream_head).await?;
        for _ in 0..answers.events {
            stream.write_all(&answers.event).await?;
        }
        stream.write_all(&answers.stream_end).await?;
    }
    Ok(())
}
