//! The TOML front end: tables to the lines that a Caddyfile would have, and those to the resolved model.
//!
//! Tables of keys say what may stand where and of which type. What a key means is left to the same tables of
//! directives that read a Caddyfile, so that both languages accept the same values, find the same mistakes and
//! come to the same model. Only what has no directive (a listener by its address, routes in the order written) is
//! put together here.

mod api_key;
mod holder;
mod jwt;
mod limits;
mod line;
mod listen;
mod model;
mod policy;
mod prices;
mod provider;
mod rate_limit;
pub(crate) mod reader;
mod reference;
mod reliability;
mod root;
mod route;
mod schema;
mod settings;
mod state;
pub(crate) mod table;
mod target;
mod tenant;
mod text;
mod tls;
mod upstream;

use std::path::Path;

use crate::caddyfile::context::Cx;
use crate::caddyfile::import::Imports;
use crate::model::Config;
use crate::report::Report;
use reader::Reader;

pub use reference::toml_reference;
pub use schema::toml_schema;

/// Loads a TOML configuration; files it names are looked for beside `real`.
///
/// The model is meaningful only when the report has no errors. A text that is no TOML is told about its syntax
/// only: what its tables mean would be guessing.
pub(crate) fn load(
    shown: &Path,
    real: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Config {
    let file = report.sources_mut().add(shown.display().to_string(), text);
    text::hide_secrets(report, file, text);
    let document = text::parse(report, file, text);
    let unset = text::unset_variables(&document, file, env);
    let imports = Imports::default();
    let mut cx = Cx::new(report, &imports, env, &unset);
    cx.rephrase = hint;
    let folder = real.parent().unwrap_or(Path::new(""));
    let mut reader = Reader {
        cx: &mut cx,
        file,
        folder,
    };
    let mut root = root::Draft::default();
    reader.table(&root::ROOT, &document, &mut root);
    let config = reader.finish(root);
    cx.warn_unset();
    config
}

/// What to write in TOML, where the shared checks would show a line of a Caddyfile.
fn hint(code: &str, caddyfile: &str) -> Option<&'static str> {
    match code {
        "base-url-missing" => Some("write for instance `base_url = \"http://localhost:8000/v1\"`"),
        "kind-missing" => Some("write `kind = \"openai-compatible\"` and a `base_url`"),
        "credential-missing" => Some("add `key_env = \"NAME\"`, `key_hash` or `key`"),
        "no-scopes" => Some(
            "add for instance `scopes = [\"models.read\", \"chat.completions\"]`, or `scopes = [\"*\"]`",
        ),
        "unknown-reference" if caddyfile.starts_with("define it: `provider") => {
            Some("define it in `[[providers]]`")
        }
        "unknown-reference" if caddyfile.starts_with("define it: `model") => {
            Some("define it in `[[models]]`")
        }
        "pattern-alias" => Some("write one of `[[models]]` of its own for it"),
        "ab-test" if caddyfile.starts_with("add `target") => Some("add `label = \"NAME\"`"),
        "no-condition" => Some("add for instance `when = [\"has_tools\"]`"),
        "no-effect" => match caddyfile {
            "write `strategy conditional`" => Some("write `strategy = \"conditional\"`"),
            "write for instance `strategy weighted`" => {
                Some("write for instance `strategy = \"weighted\"`")
            }
            _ => None,
        },
        "not-available" if caddyfile.starts_with("where the vendor") => Some(
            "where the vendor offers an OpenAI-compatible API, use `kind = \"openai-compatible\"` and its `base_url`",
        ),
        "jwks-missing" => {
            Some("add for instance `jwks = \"https://id.example.com/.well-known/jwks.json\"`")
        }
        "audience-missing" => Some("add for instance `audience = [\"llm-gateway\"]`"),
        "scope-claim-missing" => Some("add for instance `scope_claim = \"scope\"`"),
        "no-limit" => Some("add for instance `request_limit_per_minute = 60`, or leave it out"),
        "open-relay" => Some(
            "let known callers in only, with `match_headers`, or use `[[providers]]` and `[[api_keys]]`",
        ),
        _ => None,
    }
}
