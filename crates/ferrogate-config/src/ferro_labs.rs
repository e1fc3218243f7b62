//! The configuration of Ferro Labs' gateway: YAML or JSON to the lines that a Caddyfile would have.
//!
//! Its documents say in which order providers are asked for any model, so they become one pattern for all names and a
//! model for each name that a target declares. Keys are read by tables as TOML's are; what has no place here is
//! refused by name.

mod document;
mod models;
mod print;
mod rules;
mod targets;
mod weights;
mod yaml;

use std::path::Path;

use crate::caddyfile;
use crate::caddyfile::context::Cx;
use crate::caddyfile::import::Imports;
use crate::caddyfile::syntax::{Block, Segment, SiteBlock, Tree};
use crate::diagnostic::Diagnostic;
use crate::model::Config;
use crate::report::Report;
use crate::source::{FileId, Span};
use crate::toml::reader::{Reader, block, word};
use document::Document;

/// The largest document.
const MAX_DOCUMENT: usize = 1 << 20;

/// Loads a document; the model is meaningful only when the report has no errors.
pub(crate) fn load(
    shown: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Config {
    let (config, _) = read(shown, text, env, report);
    config
}

/// A document as a Caddyfile; meaningful only when the report has no errors.
pub(crate) fn caddyfile(
    shown: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> String {
    let (_, site) = read(shown, text, env, report);
    print::text(&site)
}

fn read(
    shown: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> (Config, Segment) {
    let file = report.sources_mut().add(shown.display().to_string(), text);
    let table = if text.len() > MAX_DOCUMENT {
        report.push(Diagnostic::error(
            "too-large",
            format!("`{}` is larger than 1 MiB", shown.display()),
        ));
        None
    } else {
        yaml::parse(report, file, text)
    };
    let imports = Imports::default();
    let mut cx = Cx::new(report, &imports, env, &[]);
    cx.rephrase = hint;
    let mut reader = Reader {
        cx: &mut cx,
        file,
        folder: Path::new(""),
    };
    let gateway = match table {
        Some(table) => {
            let mut document = Document::default();
            reader.table(&document::ROOT, &table, &mut document);
            models::lines(&mut reader, document)
        }
        None => Vec::new(),
    };
    let site = site(file, gateway);
    let body = site.block.clone().unwrap_or(Block {
        segments: Vec::new(),
    });
    let tree = Tree {
        sites: vec![SiteBlock {
            addresses: vec![site.name.clone()],
            body,
        }],
        ..Tree::default()
    };
    (caddyfile::lower(&mut cx, tree), site)
}

/// Where that gateway listens, with all that it does.
fn site(file: FileId, gateway: Vec<Segment>) -> Segment {
    let at = crate::caddyfile::syntax::Place {
        span: Span::new(file, 0, 0),
        import: crate::caddyfile::syntax::ImportId::MAIN,
    };
    let gateway = block(word("ai_gateway", at), Vec::new(), gateway);
    block(word(":8080", at), Vec::new(), vec![gateway])
}

/// What to write in YAML, where shared checks would show something else.
fn hint(code: &str, other: &str) -> Option<&'static str> {
    match code {
        "wrong-type" if other.starts_with("write `[[") => Some("write a list, each with a `-`"),
        "missing-key" if other.starts_with("add `") => Some("add it, as `NAME: VALUE`"),
        "unknown-reference" => Some("each target key must be the `virtual_key` of a target"),
        "kind-missing" => Some(
            "a `virtual_key` is the name of a provider, and `ferrogate providers` lists them all",
        ),
        "ab-test" => Some("give each of `ab_variants` a `label` of its own"),
        "invalid-regex" => {
            Some("put single quotes around it, so that backslashes stay as they are")
        }
        "pattern-alias" => Some("name one model on each side"),
        _ => None,
    }
}
