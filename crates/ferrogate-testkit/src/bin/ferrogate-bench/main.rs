//! A load generator and the upstream it measures against, for `scripts/bench.sh`.
//!
//! `upstream` answers everything with one KiB of JSON, or with a stream of events when the request asks for one, in
//! Anthropic's dialect at its path and in OpenAI's elsewhere;
//! `silent` takes everything and answers nothing;
//! `load` keeps a number of connections busy for some seconds and prints one line of JSON. Both do as little as
//! possible for each request, so that what is measured is the proxy between them.
//!
//! Refuses: TLS, HTTP/2, and rates other than as fast as it goes.

mod load;
mod message;
mod options;
mod silent;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "usage:
  ferrogate-bench upstream --port-file FILE [--events N] [--threads N]
  ferrogate-bench silent --port-file FILE
  ferrogate-bench load --url URL --connections N --seconds N [--body FILE] [--header 'NAME: VALUE']... [--stream]
                       [--threads N]";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next();
    let result = options::parse(words).and_then(|options| match command.as_deref() {
        Some("upstream") => upstream::run(&options),
        Some("silent") => silent::run(&options),
        Some("load") => load::run(&options),
        _ => Err("no such command".to_owned()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Without a standard error there is nobody to tell.
            let _told = writeln!(std::io::stderr(), "ferrogate-bench: {why}\n{USAGE}").is_ok();
            ExitCode::from(2)
        }
    }
}

/// A runtime with this many threads.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))
}
