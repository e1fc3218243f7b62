//! A case: a Caddyfile, and what is asked of it.
//!
//! `cases/NAME.caddyfile` is written as anybody would, with `{$PORT}` for the port, `{$UP_A}` and `{$UP_B}` for two
//! upstreams, `{$DEAD}` for an address where nobody listens and `{$WWW}` for a folder with files. The runner adds
//! `admin off` and `default_bind` to its global options.
//!
//! `cases/NAME.requests` has a request in each line, `METHOD TARGET [HTTP/1.0]`, followed by parts after ` | `:
//!
//! | part | meaning |
//! |---|---|
//! | `Field: value` | a field; `{etag}` in it stands for the tag that a plain `GET` of the target gives |
//! | `= text` | a body; in chunks if there is a `Transfer-Encoding` |
//! | `~ name` | the answers differ, as `docs/caddy-differences.md` explains under this name |
//! | `? name` | the answers differ, which is to be mended |
//!
//! `RAW bytes` sends just these, with `\r`, `\n`, `\0`, `\t` and `\xNN` for what cannot be written; of a refusal only
//! the status is compared. Unless it says otherwise a request is for the host `case.test`. `#` begins a comment.

use std::fs;
use std::path::{Path, PathBuf};

/// A Caddyfile, and what is asked of it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) caddyfile: String,
    pub(crate) requests: Vec<Asked>,
}

/// A line of a request file.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The line without its marks.
    pub(crate) line: String,
    pub(crate) request: Request,
    pub(crate) expected: Expected,
}

/// Whether the answers are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Same,
    /// They differ on purpose; the name is in the documentation.
    Different(String),
    /// They differ, and should not.
    Wrong(String),
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Raw(Vec<u8>),
    Made {
        method: String,
        target: String,
        version: String,
        fields: Vec<(String, String)>,
        body: Option<String>,
    },
}

/// Where the cases are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/caddy_oracle/cases")
}

/// All cases, by name.
pub(crate) fn all() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder of the cases")
        .map(|entry| entry.expect("its entries").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "caddyfile"))
        .collect();
    files.sort();
    files.iter().map(|path| Case::read(path)).collect()
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = |path: &Path| {
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let lines = text(&path.with_extension("requests"));
        Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            caddyfile: text(path),
            requests: lines
                .lines()
                .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
                .map(Asked::parse)
                .collect(),
        }
    }

    /// The file with what both programs must be told for a test.
    pub(crate) fn with_options(&self, bind: &str) -> String {
        let options = format!("\tadmin off\n\tdefault_bind {bind}\n");
        match self.caddyfile.strip_prefix("{\n") {
            Some(rest) => format!("{{\n{options}{rest}"),
            None => format!("{{\n{options}}}\n{}", self.caddyfile),
        }
    }

    /// The file that records the differences of this case.
    pub(crate) fn record(&self) -> PathBuf {
        folder().join(format!("{}.differences", self.name))
    }
}

impl Asked {
    fn parse(text: &str) -> Self {
        let mut parts: Vec<&str> = text.split(" | ").collect();
        let mut expected = Expected::Same;
        parts.retain(|part| {
            if let Some(name) = part.strip_prefix("~ ") {
                expected = Expected::Different(name.trim().to_owned());
            } else if let Some(name) = part.strip_prefix("? ") {
                expected = Expected::Wrong(name.trim().to_owned());
            } else {
                return true;
            }
            false
        });
        let line = parts.join(" | ");
        let request = match line.strip_prefix("RAW ") {
            Some(raw) => Request::Raw(unescape(raw)),
            None => made(&parts),
        };
        Self {
            line,
            request,
            expected,
        }
    }
}

fn made(parts: &[&str]) -> Request {
    let mut words = parts.first().copied().unwrap_or_default().split(' ');
    let mut next = || words.next().map(str::to_owned);
    let method = next().unwrap_or_default();
    let target = next().unwrap_or_else(|| panic!("no target in {parts:?}"));
    let version = next().unwrap_or_else(|| "HTTP/1.1".to_owned());
    let mut fields = Vec::new();
    let mut body = None;
    for part in parts.iter().skip(1) {
        if let Some(text) = part.strip_prefix("= ") {
            body = Some(text.to_owned());
        } else {
            let (name, value) = part
                .split_once(':')
                .unwrap_or_else(|| panic!("`{part}` is no field"));
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Request::Made {
        method,
        target,
        version,
        fields,
        body,
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'x') => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).expect("two digits after \\x");
                u8::from_str_radix(digits, 16).expect("two digits after \\x")
            }
            other => panic!("unknown escape {other:?} in `{text}`"),
        });
    }
    bytes
}
