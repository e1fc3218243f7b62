//! The load: connections that ask again as soon as they were answered.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::message;
use crate::options::Options;

/// What every connection does.
struct Job {
    authority: String,
    request: Vec<u8>,
    marker: &'static [u8],
    deadline: Instant,
}

/// What one connection, or all of them, measured.
#[derive(Default)]
struct Tally {
    /// Microseconds from request to last byte.
    latencies: Vec<u32>,
    errors: u64,
    bytes: usize,
}

/// How long an answer may be late after the end before it counts as an error.
const PATIENCE: Duration = Duration::from_secs(2);

/// Measures, and prints one line of JSON.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let rest = options
        .url
        .strip_prefix("http://")
        .ok_or("the URL must begin with `http://`")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = match &options.body {
        Some(file) => Some(
            std::fs::read(file)
                .map_err(|error| format!("reading `{}`: {error}", file.display()))?,
        ),
        None => None,
    };
    let job = Arc::new(Job {
        authority: authority.to_owned(),
        request: request(authority, path, &options.headers, body.as_deref()),
        marker: if options.stream { b"data: [DONE]" } else { b"" },
        deadline: Instant::now() + Duration::from_secs(options.seconds),
    });
    let begun = Instant::now();
    let mut total = crate::runtime(options.threads)?.block_on(async {
        let tasks: Vec<_> = (0..options.connections)
            .map(|_| tokio::spawn(keep_asking(Arc::clone(&job))))
            .collect();
        let mut total = Tally::default();
        for task in tasks {
            match task.await {
                Ok(tally) => total.add(tally),
                Err(_) => total.errors += 1,
            }
        }
        total
    });
    let line = total.report(begun.elapsed());
    writeln!(std::io::stdout(), "{line}").map_err(|error| format!("writing the result: {error}"))
}

fn request(authority: &str, path: &str, headers: &[String], body: Option<&[u8]>) -> Vec<u8> {
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut lines = vec![
        format!("{method} /{path} HTTP/1.1"),
        format!("Host: {authority}"),
    ];
    lines.extend_from_slice(headers);
    if let Some(body) = body {
        lines.push("Content-Type: application/json".to_owned());
        lines.push(format!("Content-Length: {}", body.len()));
    }
    [
        format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes(),
        body.unwrap_or_default(),
    ]
    .concat()
}

async fn keep_asking(job: Arc<Job>) -> Tally {
    let mut tally = Tally::default();
    let until = (job.deadline + PATIENCE).into();
    while Instant::now() < job.deadline {
        if !matches!(
            timeout_at(until, connection(&job, &mut tally)).await,
            Ok(Ok(()))
        ) {
            tally.errors += 1;
            // A server that refuses must not be asked in a loop without a pause.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    tally
}

/// Asks on one connection until time is up or it breaks.
async fn connection(job: &Job, tally: &mut Tally) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&job.authority).await?;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(16 << 10);
    while Instant::now() < job.deadline {
        let begun = Instant::now();
        stream.write_all(&job.request).await?;
        let Some(head) = message::head(&mut stream, &mut buffer).await? else {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        let _head = buffer.split_to(head.size);
        let (size, marked) =
            message::skip_body(&mut stream, &mut buffer, head.length, job.marker).await?;
        tally.bytes += head.size + size;
        if (200..300).contains(&head.status) && marked {
            tally
                .latencies
                .push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        } else {
            tally.errors += 1;
        }
    }
    Ok(())
}

impl Tally {
    fn add(&mut self, mut other: Self) {
        self.latencies.append(&mut other.latencies);
        self.errors += other.errors;
        self.bytes += other.bytes;
    }

    fn report(&mut self, elapsed: Duration) -> serde_json::Value {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let at = |thousandth: usize| {
            self.latencies
                .get((count * thousandth / 1000).min(count.saturating_sub(1)))
        };
        let rate =
            u128::try_from(count).unwrap_or_default() * 1_000_000 / elapsed.as_micros().max(1);
        json!({
            "requests": count,
            "rps": u64::try_from(rate).unwrap_or(u64::MAX),
            "p50_us": at(500), "p90_us": at(900), "p99_us": at(990), "max_us": self.latencies.last(),
            "errors": self.errors,
            "bytes": self.bytes,
        })
    }
}
