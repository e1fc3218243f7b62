//! The Caddyfile front end: text to words, words to a tree, the tree to the resolved model.

mod access_log;
mod address;
pub(crate) mod ai;
mod automatic;
mod basic_auth;
pub(crate) mod body;
pub(crate) mod context;
mod copy_response;
mod directives;
mod encode;
mod errors;
mod file_server;
pub(crate) mod files;
pub(crate) mod global;
mod handle;
mod header;
pub(crate) mod import;
mod intercept;
mod interface;
pub(crate) mod lexer;
mod line;
pub(crate) mod listeners;
pub(crate) mod log;
mod map;
mod matcher;
mod named_routes;
mod order;
mod parser;
pub(crate) mod pem;
mod proxy;
mod redirect;
mod reference;
mod regex;
mod request_body;
mod respond;
mod rewrite;
mod servers;
mod site;
pub(crate) mod syntax;
mod table;
mod tls;
mod value;
pub(crate) mod variables;
mod vars;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

pub(crate) use files::read_text;
pub use reference::{ReferenceEntry, reference};

use context::Cx;
use files::Files;
use site::ReadSite;
use syntax::{Block, Tree};

use crate::diagnostic::Diagnostic;
use crate::model::Config;
use crate::report::Report;

/// Loads a Caddyfile whose text is at hand; what it imports is read from beside `real`.
///
/// The model is meaningful only when the report has no errors.
pub(crate) fn load(
    shown: &Path,
    real: &Path,
    text: String,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Config {
    let mut files = Files::default();
    let empty = text.is_empty();
    let words = files.words(report, env, shown, real, text);
    let parser::Parsed { tree, imports } = parser::parse(&words, &mut files, report, env);
    let beginning = if empty {
        Some(Diagnostic::error(
            "empty-file",
            format!("`{}` is empty", shown.display()),
        ))
    } else if tree.sites.is_empty() && report.is_ok() {
        Some(Diagnostic::warning(
            "no-site",
            format!("`{}` defines no site", shown.display()),
        ))
    } else {
        None
    };
    if let Some(diagnostic) = beginning {
        report.push(diagnostic.hint("a site begins with its address, for instance `:8080 {`"));
    }
    let mut cx = Cx::new(report, &imports, env, files.unset_variables());
    cx.config_files = files.paths();
    lower(&mut cx, tree)
}

pub(crate) fn lower(cx: &mut Cx<'_>, tree: Tree) -> Config {
    let settings = cx.global(tree.global.as_ref());
    cx.mapped = mapped(&tree);
    let named_routes = cx.named_routes(tree.named);
    let sites: Vec<ReadSite> = tree.sites.into_iter().map(|block| cx.site(block)).collect();
    let (sites, listeners) = listeners::listeners(cx, sites, &settings);
    if let Some((_, false)) = cx.shared_gateway {
        cx.report.push(
            Diagnostic::warning(
                "unused-gateway",
                "the global `ai_gateway` is mounted by no site",
            )
            .hint("write `ai_gateway` in a site"),
        );
    }
    cx.warn_unused_routes();
    cx.warn_unset();
    Config {
        global: settings.into_global(),
        listeners,
        sites,
        named_routes,
        ai_gateways: std::mem::take(&mut cx.gateways),
    }
}

/// The placeholders that some `map` sets, wherever it stands.
fn mapped(tree: &Tree) -> BTreeSet<Arc<str>> {
    let bodies = tree.sites.iter().map(|site| &site.body);
    let named = tree.named.iter().map(|named| &named.body);
    let mut blocks: Vec<&Block> = bodies.chain(named).collect();
    let mut names = BTreeSet::new();
    while let Some(block) = blocks.pop() {
        for segment in &block.segments {
            if segment.name.is_word("map") {
                let found = segment.args.iter().filter_map(map::destination_name);
                names.extend(found.map(Arc::from));
            }
            blocks.extend(&segment.block);
        }
    }
    names
}
