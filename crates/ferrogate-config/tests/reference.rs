//! The reference page says what the tables say.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

use std::fmt::Write as _;
use std::path::Path;

use ferrogate_config::{ReferenceEntry, reference};
use ferrogate_types::Placeholder;

const INTRODUCTION: &str = "\
# Caddyfile reference

Written by `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference` from the tables that read a Caddyfile;
do not edit. [caddyfile.md](caddyfile.md) explains the language, [ai-gateway.md](ai-gateway.md) what stands in
`ai_gateway`.

`[X]` may be left out, `A|B` is a choice, `...` repeats what is before it, `{ ... }` is a block. Words in capitals are
yours. Durations are written `500ms`, `30s`, `1h30m` or `7d`, sizes `512KB` or `16MiB`. A refused name ends `validate`
with an error that says the same as this page.
";

/// A block's title, and what to know before its names.
const BLOCKS: &[(&str, &str, &str)] = &[
    ("global options", "Global options", "In the block without a name at the top of the file."),
    ("servers", "`servers`", "In `servers` of the global options."),
    ("servers timeouts", "`servers` › `timeouts`", "In `timeouts` of `servers`."),
    ("matcher", "Matchers", "In `@name { ... }`, or after `@name` on one line."),
    ("site", "Directives", "In a site, in the order in which they take effect."),
    ("respond", "`respond`", "In the block of `respond`."),
    ("error", "`error`", "In the block of `error`."),
    ("log", "`log`", "In the block of `log`, in a site or among the global options."),
    ("tls", "`tls`", "In the block of `tls`."),
    ("reverse_proxy", "`reverse_proxy`", "In the block of `reverse_proxy`."),
    ("reverse_proxy lb_policy", "`reverse_proxy` › `lb_policy`", "After `lb_policy`."),
    ("reverse_proxy transport", "`reverse_proxy` › `transport http`", "In the block of `transport http`."),
    ("ai_gateway", "`ai_gateway`", "In `ai_gateway`, in a site or among the global options."),
    ("ai_gateway provider", "`ai_gateway` › `provider`", "In `provider NAME { ... }`."),
    ("ai_gateway provider timeout", "`ai_gateway` › `provider` › `timeout`", "In `timeout` of a provider. `0` is no limit."),
    ("ai_gateway provider retry", "`ai_gateway` › `provider` › `retry`", "In `retry` of a provider."),
    (
        "ai_gateway provider circuit_breaker",
        "`ai_gateway` › `provider` › `circuit_breaker`",
        "In `circuit_breaker` of a provider.",
    ),
    ("ai_gateway model", "`ai_gateway` › `model`", "In the block of a model."),
    ("ai_gateway api_key", "`ai_gateway` › `api_key`", "In `api_key ID { ... }`."),
];

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/caddyfile-reference.md");
    let page = page();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = written.lines().zip(page.lines()).find(|(old, new)| old != new);
    assert!(
        written == page,
        "docs/caddyfile-reference.md is out of date, first at {differing:?}; \
         write it with `UPDATE_REFERENCE=1 cargo test -p ferrogate-config --test reference`"
    );
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

fn page() -> String {
    let entries = reference();
    let mut page = INTRODUCTION.to_owned();
    for (block, title, place) in BLOCKS {
        let of_block = || entries.iter().filter(|entry| entry.block == *block);
        write!(page, "\n## {title}\n\n{place}\n").unwrap();
        list(&mut page, "", of_block().filter(|entry| entry.available));
        list(&mut page, "Refused by name:\n", of_block().filter(|entry| !entry.available));
    }
    placeholders(&mut page);
    page
}

fn list<'a>(page: &mut String, heading: &str, entries: impl Iterator<Item = &'a ReferenceEntry>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return;
    }
    page.push('\n');
    if !heading.is_empty() {
        writeln!(page, "{heading}").unwrap();
    }
    for entry in entries {
        let written = if entry.available { entry.syntax } else { entry.name };
        let doc = if entry.doc.is_empty() { "not available yet" } else { entry.doc };
        writeln!(page, "- `{written}`: {doc}").unwrap();
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
