//! `[[providers]]`

use super::limits::{BREAKER, HEALTH, RETRY, TIMEOUT};
use super::line;
use super::reader::{Reader, block, line as one_line, word};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

/// A provider as it is read.
#[derive(Default)]
pub(super) struct Provider {
    name: Option<Token>,
    lines: Vec<Segment>,
}

impl line::Lines for Provider {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of a provider.
pub(super) const PROVIDER: Table<Provider> = Table {
    title: "[[providers]]",
    keys: &[
        Key::new("name", Shape::Text, "Its name.", |r, e, p| {
            p.name = Some(r.value(e));
        }),
        Key::new(
            "kind",
            Shape::Text,
            "What it speaks; its name by default.",
            line::one,
        ),
        Key::new(
            "base_url",
            Shape::Text,
            "The API root that the vendor's own SDK takes.",
            line::one,
        ),
        Key::new(
            "api_key_env",
            Shape::Text,
            "The variable that holds its credential.",
            |r, e, p| {
                let secret = from_variable(r, e);
                p.lines
                    .extend(secret.map(|secret| one_line(line::named("api_key", e), vec![secret])));
            },
        ),
        Key::new("api_key", Shape::Text, "Its credential.", line::one),
        Key::new(
            "api_keys",
            Shape::Tables,
            "Several credentials, used in turn by weight.",
            pool,
        ),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it is used; `true` by default.",
            line::enabled,
        ),
        Key::new(
            "headers",
            Shape::Pairs,
            "Further request headers.",
            |r, e, p| {
                for (name, value) in r.pairs(e) {
                    p.lines
                        .push(one_line(line::named("header", e), vec![name, value]));
                }
            },
        ),
        Key::new("timeout", Shape::Table, "Time limits.", |r, e, p| {
            line::nested(r, e, &TIMEOUT, p);
        }),
        Key::new(
            "retry",
            Shape::Table,
            "Tries on this provider.",
            |r, e, p| line::nested(r, e, &RETRY, p),
        ),
        Key::new(
            "circuit_breaker",
            Shape::TableOrOff,
            "Leaves a failing provider alone.",
            |r, e, p| {
                if e.value.get_ref().is_table() {
                    line::nested(r, e, &BREAKER, p);
                } else {
                    p.lines
                        .push(one_line(e.name.clone(), vec![line::named("off", e)]));
                }
            },
        ),
        Key::new("region", Shape::Text, "A cloud's region.", line::one),
        Key::new(
            "api_version",
            Shape::Text,
            "Azure's version of the API.",
            line::one,
        ),
        Key::new(
            "deployment",
            Shape::Text,
            "Azure's name for the model.",
            line::one,
        ),
        Key::new(
            "project_id",
            Shape::Text,
            "A project of Google's cloud.",
            line::one,
        ),
        Key::new(
            "account_id",
            Shape::Text,
            "An account of Cloudflare's.",
            line::one,
        ),
        Key::new("aws_access_key_id", Shape::Text, "A key of AWS.", line::one),
        Key::new(
            "aws_secret_access_key",
            Shape::Text,
            "Its secret.",
            line::one,
        ),
        Key::new("aws_session_token", Shape::Text, "Its session.", line::one),
        Key::new(
            "service_account",
            Shape::Text,
            "A service account's key file.",
            line::one,
        ),
        Key::new(
            "option",
            Shape::Pairs,
            "Further settings of its kind.",
            |r, e, p| {
                for (name, value) in r.pairs(e) {
                    p.lines
                        .push(one_line(line::named("option", e), vec![name, value]));
                }
            },
        ),
        Key::new(
            "models",
            Shape::List,
            "Models callers may ask for under the provider's own names.",
            line::one,
        ),
        Key::new(
            "max_concurrency",
            Shape::Words,
            "Calls under way at once, for instance `100` or `100 queue 20 wait 2s`.",
            line::words,
        ),
        Key::new(
            "health",
            Shape::Table,
            "Asks a server of your own whether it is well.",
            |r, e, p| line::nested(r, e, &HEALTH, p),
        ),
        Key::new("proxy", Shape::Any, "", line::refused),
        Key::new("tls", Shape::Any, "", line::refused),
        Key::later("openrouter_http_referer", "use `headers`"),
        Key::later("openrouter_x_title", "use `headers`"),
    ],
};

/// A credential of several as it is read.
#[derive(Default)]
pub(super) struct PoolKey {
    secret: Option<Token>,
    weight: Option<Token>,
}

/// Every key of a credential of several.
pub(super) const POOL_KEY: Table<PoolKey> = Table {
    title: "[[providers.api_keys]]",
    keys: &[
        Key::new("key", Shape::Text, "The credential.", |r, e, k| {
            k.secret = Some(r.value(e));
        }),
        Key::new(
            "key_env",
            Shape::Text,
            "The variable that holds it.",
            |r, e, k| k.secret = from_variable(r, e),
        ),
        Key::new(
            "weight",
            Shape::Number,
            "Its share of the calls, 1 to 10000; 1 by default.",
            |r, e, k| k.weight = Some(r.value(e)),
        ),
    ],
};

/// `[[providers]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut provider = Provider::default();
        reader.table(&PROVIDER, table, &mut provider);
        let title = Token {
            at,
            ..line::named("provider", entry)
        };
        match provider.name {
            Some(name) => draft
                .providers
                .push(block(title, vec![name], provider.lines)),
            None => reader.missing(table, at, "providers", "name", "openai"),
        }
    }
}

/// `[[providers.api_keys]]`
fn pool(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, provider: &mut Provider) {
    for (at, table) in reader.tables(entry) {
        let mut key = PoolKey::default();
        reader.table(&POOL_KEY, table, &mut key);
        let Some(secret) = key.secret else {
            if !table.contains_key("key_env") {
                reader.missing(table, at, "providers.api_keys", "key", "{env.NAME}");
            }
            continue;
        };
        let mut args = vec![secret];
        if let Some(weight) = key.weight {
            args.extend([word("weight", weight.at), weight]);
        }
        let name = Token {
            at,
            ..line::named("api_key", entry)
        };
        provider.lines.push(one_line(name, args));
    }
}

/// The value of the variable that an entry names, as a word.
fn from_variable(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Option<Token> {
    let variable = variable(reader, entry)?;
    let value = (reader.cx.env)(&variable.text).unwrap_or_default();
    Some(Token {
        text: value.into(),
        variable: Some(variable.text.clone()),
        expanded: true,
        ..variable
    })
}

/// Gives a provider an option of an inner block where it has none of its own.
pub(super) fn default_option(
    provider: &mut Segment,
    inner: &str,
    option: &str,
    written: &Token,
    value: &Token,
) {
    let Some(lines) = provider.block.as_mut().map(|block| &mut block.segments) else {
        return;
    };
    let name = |text: &str| Token {
        text: text.into(),
        ..written.clone()
    };
    if !lines.iter().any(|line| line.name.is_word(inner)) {
        lines.push(block(name(inner), Vec::new(), Vec::new()));
    }
    let inner = lines
        .iter_mut()
        .find(|line| line.name.is_word(inner))
        .and_then(|line| line.block.as_mut());
    // A line without a block says `off`.
    let Some(options) = inner.map(|inner| &mut inner.segments) else {
        return;
    };
    if !options.iter().any(|line| line.name.is_word(option)) {
        options.push(one_line(name(option), vec![value.clone()]));
    }
}

/// The name of an environment variable.
///
/// A word that cannot be one is often the secret itself, so it is not shown.
pub(super) fn variable(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Option<Token> {
    let word = reader.value(entry);
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !word.text.is_empty()
        && word.text.chars().all(name)
        && !word.text.starts_with(|c: char| c.is_ascii_digit())
    {
        return Some(word);
    }
    reader.cx.report.redact(word.at.span);
    let key = &entry.name.text;
    reader.cx.say(
        word.at,
        Diagnostic::error(
            "invalid-variable",
            format!("`{key}` must be the name of an environment variable"),
        )
        .label("letters, digits and `_` only")
        .hint(format!(
            "write the name alone, for instance `{key} = \"OPENAI_API_KEY\"`"
        )),
    );
    None
}
