//! The documentation says what the code does: reference pages are those of the tables, examples load.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ferrogate_config::{
    LoadOptions, ReferenceEntry, load_str, reference, toml_reference, toml_schema,
};
use ferrogate_llm::Operation;
use ferrogate_providers::{AuthScheme, BaseUrl, ProviderKind};
use ferrogate_types::Placeholder;

const CADDYFILE: &str = "\
# Caddyfile reference

Written by `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference` from the tables that read a Caddyfile;
do not edit. [caddyfile.md](caddyfile.md) explains the language, [ai-gateway.md](ai-gateway.md) what stands in
`ai_gateway`.

`[X]` may be left out, `A|B` is a choice, `...` repeats what is before it, `{ ... }` is a block. Words in capitals are
yours. Durations are written `500ms`, `30s`, `1h30m` or `7d`, sizes `512KB` or `16MiB`. A name that is not available is
an error that says the same as this page.
";

const PROVIDERS: &str = "\
# Providers

Written by `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference` from the provider table; do not edit.
[ai-gateway.md](ai-gateway.md#providers) explains the `provider` block, `ferrogate providers` prints this list.

A kind is written as `kind KEY`, or is the provider's name. A credential or setting that is not written is taken from
the first variable that is set. Operations are those the vendor has; a caller's own dialect is used where the vendor
speaks it, else the first one listed, and the request is translated ([translation.md](translation.md)). Departures from
OpenAI's chat dialect are put right on the way; what a vendor refuses is left out and told in `x-ferrogate-lossy`.
";

const TOML: &str = "\
# TOML reference

Written by `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference` from the tables that read a TOML
configuration; do not edit. [toml.md](toml.md) explains it.

Behind each key stands the type of its value. A number may be quoted; prices are read as decimals, never as floats.
";

/// A block's title, and what to know before its names.
const BLOCKS: &[(&str, &str, &str)] = &[
    (
        "global options",
        "Global options",
        "In the block without a name at the top of the file.",
    ),
    ("state", "`state`", "In `state` of the global options."),
    (
        "servers",
        "`servers`",
        "In `servers` of the global options.",
    ),
    (
        "servers timeouts",
        "`servers` › `timeouts`",
        "In `timeouts` of `servers`.",
    ),
    (
        "servers listener_wrappers",
        "`servers` › `listener_wrappers`",
        "In `listener_wrappers` of `servers`.",
    ),
    (
        "servers listener_wrappers proxy_protocol",
        "`servers` › `listener_wrappers` › `proxy_protocol`",
        "In the block of `proxy_protocol`.",
    ),
    (
        "global log",
        "`log` among the global options",
        "In the block of the global `log`.",
    ),
    ("pki", "`pki`", "In `pki` of the global options."),
    ("pki ca", "`pki` › `ca`", "In `ca` of `pki`."),
    (
        "matcher",
        "Matchers",
        "In `@name { ... }`, or after `@name` on one line.",
    ),
    (
        "matcher file",
        "`file` matcher",
        "In the block of a `file` matcher.",
    ),
    (
        "response matcher",
        "Response matchers",
        "In `@name { ... }` of `reverse_proxy` and `intercept`, and after `match`; or on one line.",
    ),
    (
        "site",
        "Directives",
        "In a site, in the order in which they take effect.",
    ),
    ("respond", "`respond`", "In the block of `respond`."),
    ("error", "`error`", "In the block of `error`."),
    (
        "header",
        "`header`",
        "In the block of `header`, beside the edits.",
    ),
    ("metrics", "`metrics`", "In the block of `metrics`."),
    ("tracing", "`tracing`", "In the block of `tracing`."),
    (
        "request_body",
        "`request_body`",
        "In the block of `request_body`.",
    ),
    ("timeouts", "`timeouts`", "In the block of `timeouts`."),
    ("encode", "`encode`", "In the block of `encode`."),
    (
        "encode zstd",
        "`encode` › `zstd`",
        "In the block of `zstd`.",
    ),
    (
        "file_server",
        "`file_server`",
        "In the block of `file_server`.",
    ),
    (
        "file_server browse",
        "`file_server` › `browse`",
        "In the block of `browse`.",
    ),
    ("try_files", "`try_files`", "In the block of `try_files`."),
    ("intercept", "`intercept`", "In the block of `intercept`."),
    (
        "copy_response_headers",
        "`copy_response_headers`",
        "In the block of `copy_response_headers`.",
    ),
    ("log", "`log`", "In the block of `log` in a site."),
    (
        "log sampling",
        "`log` › `sampling`",
        "In the block of `sampling`.",
    ),
    (
        "log output file",
        "`log` › `output file`",
        "In the block of `output file PATH`.",
    ),
    (
        "log output net",
        "`log` › `output net`",
        "In the block of `output net ADDRESS`.",
    ),
    (
        "log format",
        "`log` › `format json|console`",
        "In the block of `format json` or `format console`.",
    ),
    (
        "log format filter",
        "`log` › `format filter`",
        "Behind the name of a field, as in `request>headers>Cookie delete`, in `format filter { ... }`.",
    ),
    (
        "log format filter query",
        "`log` › `format filter` › `query`, `cookie`",
        "In the block of `query` or `cookie`.",
    ),
    ("tls", "`tls`", "In the block of `tls`."),
    (
        "tls client_auth",
        "`tls` › `client_auth`",
        "In the block of `client_auth`.",
    ),
    (
        "tls client_auth verifier",
        "`tls` › `client_auth` › `verifier leaf`",
        "After `verifier leaf`, or in its block.",
    ),
    (
        "trust_pool",
        "Trust pools",
        "After `trust_pool` and `tls_trust_pool`.",
    ),
    (
        "issuer acme",
        "`issuer acme`",
        "In the block of `issuer acme [URL]` or `cert_issuer acme [URL]`.",
    ),
    (
        "issuer internal",
        "`issuer internal`",
        "In the block of `issuer internal` or `cert_issuer internal`.",
    ),
    (
        "issuer zerossl",
        "`issuer zerossl`",
        "In the block of `issuer zerossl API_KEY` or `cert_issuer zerossl API_KEY`.",
    ),
    (
        "bind",
        "`bind`",
        "In the block of `bind` or `default_bind`.",
    ),
    (
        "forward_auth",
        "`forward_auth`",
        "In the block of `forward_auth`, beside everything that `reverse_proxy` has.",
    ),
    (
        "reverse_proxy",
        "`reverse_proxy`",
        "In the block of `reverse_proxy`.",
    ),
    (
        "dynamic",
        "`reverse_proxy` › `dynamic`",
        "After `dynamic`, or in the block of `dynamic multi`.",
    ),
    (
        "dynamic a",
        "`reverse_proxy` › `dynamic a`",
        "In the block of `dynamic a`.",
    ),
    (
        "dynamic srv",
        "`reverse_proxy` › `dynamic srv`",
        "In the block of `dynamic srv`.",
    ),
    (
        "cookie",
        "`reverse_proxy` › `lb_policy cookie`",
        "In the block of `lb_policy cookie`; `fallback` also in those of `header` and `query`.",
    ),
    (
        "reverse_proxy lb_policy",
        "`reverse_proxy` › `lb_policy`",
        "After `lb_policy`.",
    ),
    (
        "reverse_proxy transport",
        "`reverse_proxy` › `transport http`",
        "In the block of `transport http`.",
    ),
    (
        "ai_gateway",
        "`ai_gateway`",
        "In `ai_gateway`, in a site or among the global options.",
    ),
    (
        "ai_gateway provider",
        "`ai_gateway` › `provider`",
        "In `provider NAME { ... }`.",
    ),
    (
        "ai_gateway provider timeout",
        "`ai_gateway` › `provider` › `timeout`",
        "In `timeout` of a provider. `0` is no limit.",
    ),
    (
        "ai_gateway provider retry",
        "`ai_gateway` › `provider` › `retry`",
        "In `retry` of a provider.",
    ),
    (
        "ai_gateway provider circuit_breaker",
        "`ai_gateway` › `provider` › `circuit_breaker`",
        "In `circuit_breaker` of a provider.",
    ),
    (
        "ai_gateway provider health",
        "`ai_gateway` › `provider` › `health`",
        "In `health` of a provider.",
    ),
    (
        "ai_gateway model",
        "`ai_gateway` › `model`",
        "In the block of a model.",
    ),
    (
        "ai_gateway model target",
        "`ai_gateway` › `model` › `target`",
        "In the block of a target, which also takes `timeout` and `retry` with the options of a provider's.",
    ),
    (
        "ai_gateway tenant",
        "`ai_gateway` › `tenant`",
        "In `tenant ID [in PARENT] { ... }`.",
    ),
    (
        "ai_gateway policy",
        "`ai_gateway` › `policy`",
        "In `policy NAME { ... }`.",
    ),
    (
        "ai_gateway api_key",
        "`ai_gateway` › `api_key`",
        "In `api_key ID { ... }`.",
    ),
    (
        "ai_gateway jwt",
        "`ai_gateway` › `jwt`",
        "In `jwt ISSUER { ... }`.",
    ),
    (
        "ai_gateway rate_limit",
        "`ai_gateway` › `rate_limit`",
        "In `rate_limit { ... }`.",
    ),
    (
        "ai_gateway rate_limit ip",
        "`ai_gateway` › `rate_limit` › `ip`, `key`, `user`, `tenant`, `model`, `global`",
        "In the block of each of them.",
    ),
];

#[test]
fn the_caddyfile_page_is_fresh() {
    check("caddyfile-reference.md", &caddyfile_page());
}

#[test]
fn the_toml_page_is_fresh() {
    check("toml-reference.md", &toml_page());
}

#[test]
fn the_providers_page_is_fresh() {
    check("providers.md", &providers_page());
}

#[test]
fn every_block_has_a_section() {
    for entry in reference() {
        assert!(
            BLOCKS.iter().any(|(block, ..)| *block == entry.block),
            "`{}` has no title in BLOCKS",
            entry.block
        );
    }
}

#[test]
fn examples_load() {
    let entries = std::fs::read_dir(docs()).unwrap();
    let pages = entries
        .map(|entry| entry.unwrap().path())
        .chain([docs().join("../README.md")]);
    let mut loaded = 0;
    for path in pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let page = std::fs::read_to_string(&path).unwrap();
        for (language, text) in fenced(&page) {
            let name = match language {
                "caddyfile" => "Caddyfile",
                "toml" => "example.toml",
                _ => continue,
            };
            loads(&path, name, text);
            loaded += 1;
        }
    }
    assert!(loaded > 5, "only {loaded} examples were found");
    let path = docs().join("../config/ferrogate.example.toml");
    loads(
        &path,
        "ferrogate.example.toml",
        &std::fs::read_to_string(&path).unwrap(),
    );
}

/// Loads an example; files it names need not be there.
fn loads(page: &Path, name: &str, text: &str) {
    let env = |name: &str| name.ends_with("KEY").then(|| "secret".to_owned());
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    let report = load_str(name, text, &docs(), &options).report;
    let unexpected = report.errors().find(|error| error.code != "invalid-pem");
    assert!(
        unexpected.is_none(),
        "{}:\n{text}\n{}",
        page.display(),
        report.render(false)
    );
}

#[test]
fn the_schema_is_fresh() {
    check("ferrogate.schema.json", &format!("{:#}\n", toml_schema()));
}

/// The fenced blocks of a page, each with its language.
fn fenced(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn check(name: &str, page: &str) {
    let path = docs().join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = written
        .lines()
        .zip(page.lines())
        .find(|(old, new)| old != new);
    assert!(
        written == page,
        "docs/{name} is out of date, first at {differing:?}; \
         write it with `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference`"
    );
}

fn caddyfile_page() -> String {
    let entries = reference();
    let mut page = CADDYFILE.to_owned();
    for (block, title, place) in BLOCKS {
        write!(page, "\n## {title}\n\n{place}\n").unwrap();
        let shown = |entry: &ReferenceEntry| format!("`{}`", entry.syntax);
        section(&mut page, &entries, block, shown, "Not available:");
    }
    placeholders(&mut page);
    page
}

fn providers_page() -> String {
    let mut page = PROVIDERS.to_owned();
    for kind in ProviderKind::all() {
        let row = kind.row();
        write!(page, "\n## `{}`\n\n{}", row.key, row.display_name).unwrap();
        if !row.aliases.is_empty() {
            write!(page, ", also `{}`", row.aliases.join("`, `")).unwrap();
        }
        writeln!(page, ". [Documentation]({}).\n", link(row.documentation)).unwrap();
        let root = match row.base_url {
            BaseUrl::Fixed(url) | BaseUrl::Template(url) => format!("`{url}`"),
            BaseUrl::Usually(url, variable) => format!("`{url}`, or what `{variable}` says"),
            BaseUrl::Asked([]) => "written by you".to_owned(),
            BaseUrl::Asked(variables) => {
                format!("written by you, or in `{}`", variables.join("`, `"))
            }
            BaseUrl::None => "none: it is built in".to_owned(),
        };
        writeln!(page, "- `base_url`: {root}").unwrap();
        let credential = match row.auth {
            AuthScheme::Bearer => "`Authorization: Bearer`".to_owned(),
            AuthScheme::Header(name) => format!("`{name}`"),
            AuthScheme::Aws => "a key as `Authorization: Bearer`, else a signature (SigV4) with credentials of the AWS chain".to_owned(),
            AuthScheme::Google => "a key as `x-goog-api-key`, else a token of Google's (service account or application default credentials)".to_owned(),
            AuthScheme::Azure => "a key as `api-key`, else a token of Entra's".to_owned(),
            AuthScheme::Databricks => "a token as `Authorization: Bearer`, or one for `client_id` and `client_secret`".to_owned(),
            AuthScheme::None => "none".to_owned(),
        };
        let needed = if row.needs_credential || row.auth == AuthScheme::None {
            ""
        } else {
            "; optional"
        };
        writeln!(page, "- Credential: {credential}{needed}").unwrap();
        if !row.key_variables.is_empty() {
            writeln!(
                page,
                "- Its variables: `{}`",
                row.key_variables.join("`, `")
            )
            .unwrap();
        }
        for setting in row.settings {
            let how = if setting.required {
                "needed"
            } else {
                "optional"
            };
            write!(page, "- Setting `{}`: {how}", setting.name).unwrap();
            if !setting.variables.is_empty() {
                write!(page, "; `{}`", setting.variables.join("`, `")).unwrap();
            }
            writeln!(page).unwrap();
        }
        let mut serves: Vec<String> = row
            .serves
            .iter()
            .map(|endpoint| operation(endpoint.operation))
            .collect();
        serves.dedup();
        writeln!(page, "- Serves: {}", serves.join(", ")).unwrap();
        let quirks: Vec<String> = row.quirks.iter().map(ToString::to_string).collect();
        if !quirks.is_empty() {
            writeln!(page, "- Departures: {}", quirks.join("; ")).unwrap();
        }
    }
    page
}

/// A page of the vendor's, or one beside this.
fn link(documentation: &str) -> &str {
    documentation.strip_prefix("docs/").unwrap_or(documentation)
}

fn operation(operation: Operation) -> String {
    match operation {
        Operation::Chat(dialect) => format!("chat ({})", dialect.as_str()),
        Operation::CountTokens(_) => "token counts".to_owned(),
        Operation::Completions => "completions".to_owned(),
        Operation::Embeddings(_) => "embeddings".to_owned(),
        Operation::Images(_) => "images".to_owned(),
        Operation::ImageEdits(_) => "image edits".to_owned(),
        Operation::ImageVariations(_) => "image variations".to_owned(),
        Operation::Speech(_) => "speech".to_owned(),
        Operation::Transcriptions(_) => "transcriptions".to_owned(),
        Operation::Translations(_) => "translations".to_owned(),
        Operation::Moderations => "moderations".to_owned(),
        Operation::Rerank(_) => "rerank".to_owned(),
        Operation::Realtime => "realtime".to_owned(),
    }
}

fn toml_page() -> String {
    let entries = toml_reference();
    let mut page = TOML.to_owned();
    let mut blocks: Vec<&str> = entries.iter().map(|entry| entry.block).collect();
    blocks.dedup();
    for block in blocks {
        let title = match block {
            "" => "Top of the file".to_owned(),
            block => format!("`{block}`"),
        };
        write!(page, "\n## {title}\n").unwrap();
        let shown = |entry: &ReferenceEntry| format!("`{}` ({})", entry.name, entry.syntax);
        section(
            &mut page,
            &entries,
            block,
            shown,
            "Without effect, or not available:",
        );
    }
    page
}

/// The names of a block: those that work, and under a heading of their own the others.
fn section(
    page: &mut String,
    entries: &[ReferenceEntry],
    block: &str,
    shown: fn(&ReferenceEntry) -> String,
    others: &str,
) {
    let of_block = |available: bool| {
        entries
            .iter()
            .filter(move |entry| entry.block == block && entry.available == available)
    };
    page.push('\n');
    for entry in of_block(true) {
        writeln!(page, "- {}: {}", shown(entry), entry.doc).unwrap();
    }
    if of_block(false).next().is_none() {
        return;
    }
    if of_block(true).next().is_some() {
        page.push('\n');
    }
    writeln!(page, "{others}\n").unwrap();
    for entry in of_block(false) {
        let doc = if entry.doc.is_empty() {
            "not available yet"
        } else {
            entry.doc
        };
        writeln!(page, "- `{}`: {doc}", entry.name).unwrap();
    }
}

fn placeholders(page: &mut String) {
    page.push_str(
        "\n## Placeholders\n\nIn braces, wherever a value may depend on the request; short names and Caddy's long \
         ones.\n\n",
    );
    for name in Placeholder::fixed_names() {
        writeln!(page, "- `{{{name}}}`").unwrap();
    }
    page.push_str("\nWith a name or number of yours behind the dot:\n\n");
    for prefix in Placeholder::prefixes() {
        writeln!(page, "- `{{{prefix}NAME}}`").unwrap();
    }
}
