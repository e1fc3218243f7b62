//! The flags of both commands.

use std::path::PathBuf;

/// Everything that can be said on the command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) port_file: PathBuf,
    pub(crate) events: usize,
    pub(crate) threads: usize,
    pub(crate) url: String,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
    pub(crate) body: Option<PathBuf>,
    pub(crate) headers: Vec<String>,
    pub(crate) stream: bool,
}

/// Reads `--name value` pairs; `--stream` has no value.
pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        port_file: PathBuf::new(),
        events: 100,
        threads: 1,
        url: String::new(),
        connections: 1,
        seconds: 3,
        body: None,
        headers: Vec::new(),
        stream: false,
    };
    while let Some(name) = words.next() {
        if name == "--stream" {
            options.stream = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--port-file" => options.port_file = value.into(),
            "--events" => options.events = number(&value)?,
            "--threads" => options.threads = number(&value)?,
            "--url" => options.url = value,
            "--connections" => options.connections = number(&value)?,
            "--seconds" => options.seconds = number(&value)?,
            "--body" => options.body = Some(value.into()),
            "--header" => options.headers.push(value),
            _ => return Err(format!("unknown flag `{name}`")),
        }
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number"))
}
