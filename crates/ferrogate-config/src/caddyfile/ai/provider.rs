//! `provider NAME { … }`.

use ferrogate_providers::ProviderKind;
use ferrogate_types::{ProviderId, Secret, SecretOrigin};

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::{Line, is_field_name};
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{
    CircuitBreaker, Concurrency, HealthProbe, PoolKey, Provider, ProviderTimeouts, Retry,
    SettingValue,
};

mod base_url;
pub(crate) mod capacity;
mod credential;
mod kind;
pub(crate) mod limits;

use limits::{
    BREAKER, BREAKER_OPTIONS, DEFAULT_BREAKER, DEFAULT_TIMEOUTS, RETRY, RETRY_OPTIONS,
    TIMEOUT_OPTIONS, TIMEOUTS, default_retry,
};

const KIND: Kind = Kind {
    noun: "provider option",
    place: "in `provider`",
};
/// A provider as it is read.
pub(crate) struct Options {
    kind: Option<ProviderKind>,
    /// A kind was written, good or bad.
    kind_written: bool,
    base_url: Option<(String, Place)>,
    /// A URL was written, good or bad.
    url_written: bool,
    api_keys: Vec<PoolKey>,
    credential_at: Option<Place>,
    settings: Vec<(String, SettingValue, Place)>,
    models: Vec<Token>,
    headers: Vec<(String, Secret)>,
    timeouts: ProviderTimeouts,
    retry: Retry,
    circuit_breaker: Option<CircuitBreaker>,
    max_concurrency: Option<Concurrency>,
    /// The probes, and where they are written.
    health: Option<(HealthProbe, Place)>,
    disabled: bool,
}

/// Every option of a provider.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::new(
        "kind",
        "kind KIND",
        "What it speaks; its name by default.",
        |cx, line, p| {
            p.kind_written = true;
            if let Some(word) = line.word(cx) {
                p.kind = kind::named(cx, word);
            }
        },
    ),
    Row::new(
        "base_url",
        "base_url URL",
        "The API root that the vendor's own SDK takes.",
        |cx, line, p| {
            p.url_written = true;
            if let Some(word) = line.word(cx) {
                p.base_url = base_url::read(cx, word).map(|url| (url, word.at));
            }
        },
    ),
    Row::many(
        "api_key",
        "api_key SECRET [weight N]",
        "A credential; several make a pool, used in turn by weight.",
        credential::read,
    ),
    Row::many(
        "header",
        "header NAME VALUE",
        "A further request header.",
        |cx, line, p| {
            let Some([name, value]) = line.words(cx) else {
                return;
            };
            if !is_field_name(&name.text) {
                let shown = cx.shown(name);
                cx.say(
                    name.at,
                    Diagnostic::error("header-field", format!("`{shown}` is not a header field"))
                        .label("not a field name"),
                );
            } else if let Some(value) = cx.secret(value) {
                p.headers.push((name.text.to_string(), value));
            }
        },
    ),
    Row::new(
        "timeout",
        "timeout { ... }",
        "Time limits.",
        |cx, line, p| {
            if let Some(block) = line.block(cx) {
                cx.run_block(block, TIMEOUTS, TIMEOUT_OPTIONS, &mut p.timeouts);
            }
        },
    ),
    Row::new(
        "retry",
        "retry { ... }",
        "Tries on this provider.",
        |cx, line, p| {
            if let Some(block) = line.block(cx) {
                cx.run_block(block, RETRY, RETRY_OPTIONS, &mut p.retry);
            }
        },
    ),
    Row::new(
        "circuit_breaker",
        "circuit_breaker off | { ... }",
        "Leaves a failing provider alone.",
        |cx, line, p| match line.args {
            [word] if &*word.text == "off" && line.segment.block.is_none() => {
                p.circuit_breaker = None;
            }
            _ => {
                if let Some(block) = line.block(cx) {
                    let mut breaker = DEFAULT_BREAKER;
                    cx.run_block(block, BREAKER, BREAKER_OPTIONS, &mut breaker);
                    p.circuit_breaker = Some(breaker);
                }
            }
        },
    ),
    Row::new("disabled", "disabled", "Switched off.", |cx, line, p| {
        p.disabled = line.flag(cx);
    }),
    Row::new("region", "region NAME", "A cloud's region.", setting),
    Row::new(
        "api_version",
        "api_version DATE",
        "Azure's version of the API.",
        setting,
    ),
    Row::new(
        "deployment",
        "deployment NAME",
        "Azure's name for the model.",
        setting,
    ),
    Row::new(
        "project_id",
        "project_id ID",
        "A project of Google's cloud.",
        setting,
    ),
    Row::new(
        "account_id",
        "account_id ID",
        "An account of Cloudflare's.",
        setting,
    ),
    Row::new(
        "aws_access_key_id",
        "aws_access_key_id SECRET",
        "A key of AWS.",
        setting,
    ),
    Row::new(
        "aws_secret_access_key",
        "aws_secret_access_key SECRET",
        "Its secret.",
        setting,
    ),
    Row::new(
        "aws_session_token",
        "aws_session_token SECRET",
        "Its session.",
        setting,
    ),
    Row::new(
        "service_account",
        "service_account FILE",
        "A service account's key file.",
        setting,
    ),
    Row::many(
        "option",
        "option NAME VALUE",
        "A further setting of its kind.",
        |cx, line, p| {
            if let Some([name, value]) = line.words(cx)
                && let Some(value) = setting_value(cx, &name.text, value)
            {
                p.settings.push((name.text.to_string(), value, line.at()));
            }
        },
    ),
    Row::many(
        "models",
        "models ID...",
        "Models callers may ask for under the provider's own names.",
        |cx, line, p| {
            if let Some(words) = line.list(cx, 1..=1000) {
                if let Some(word) = words.iter().find(|word| word.is_word("discover")) {
                    cx.say(
                        word.at,
                        Diagnostic::error(
                            "not-available",
                            "asking the provider for its models is not available yet",
                        )
                        .label("not available yet")
                        .hint("list the models by their ids"),
                    );
                    return;
                }
                p.models.extend(words.iter().cloned());
            }
        },
    ),
    Row::new(
        "max_concurrency",
        "max_concurrency N [queue N] [wait DURATION]",
        "Calls under way at once, calls that wait for a place, and for how long; nobody waits by default, 5s in a queue.",
        |cx, line, p| p.max_concurrency = capacity::concurrency(cx, line),
    ),
    Row::new(
        "health",
        "health { ... }",
        "Asks a server of your own whether it is well.",
        |cx, line, p| p.health = capacity::health(cx, line).map(|probe| (probe, line.at())),
    ),
    Row::later("proxy", ""),
    Row::later("tls", ""),
];

impl Default for Options {
    fn default() -> Self {
        Self {
            kind: None,
            kind_written: false,
            base_url: None,
            url_written: false,
            api_keys: Vec::new(),
            credential_at: None,
            settings: Vec::new(),
            models: Vec::new(),
            headers: Vec::new(),
            timeouts: DEFAULT_TIMEOUTS,
            retry: default_retry(),
            circuit_breaker: Some(DEFAULT_BREAKER),
            max_concurrency: None,
            health: None,
            disabled: false,
        }
    }
}

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some(([name], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let id: Option<ProviderId> = cx.checked(name, "provider name", name.text.parse());
    let mut options = Options::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    }
    let kind = if options.kind_written {
        options.kind
    } else {
        kind::from_name(cx, name)
    };
    let models = std::mem::take(&mut options.models);
    let shown = cx.shown(name);
    let provider = settle(cx, (&shown, name.at), kind, options);
    if let Some(first) = draft.provider_names.insert(name.text.to_string(), name.at) {
        cx.say(
            name.at,
            Diagnostic::error(
                "duplicate-provider",
                format!("provider `{}` is defined twice", name.text),
            )
            .label("second definition")
            .also(first.span, "first definition"),
        );
        return;
    }
    let Some(id) = id else { return };
    draft
        .inventory
        .extend(models.into_iter().map(|word| (id.clone(), word)));
    draft.providers.push(Provider {
        id,
        origin: cx.origin(&line.segment.name),
        ..provider
    });
}

/// A provider that `auto_providers` found.
pub(super) fn found(cx: &mut Cx<'_>, at: Place, kind: ProviderKind) -> Option<Provider> {
    let key = kind.row().key;
    let provider = settle(cx, (key, at), Some(kind), Options::default());
    Some(Provider {
        id: key.parse().ok()?,
        auto: true,
        ..provider
    })
}

/// What the options come to, with the environment and the defaults of the kind filled in.
fn settle(
    cx: &mut Cx<'_>,
    (name, at): (&str, Place),
    kind: Option<ProviderKind>,
    mut options: Options,
) -> Provider {
    if let Some(kind) = kind {
        settings(cx, (name, at), kind, &mut options);
        credential::from_environment(cx, kind, &mut options);
    }
    // A provider of unknown kind stays listed, so that models and keys naming it are not reported too.
    let base_url = match kind {
        Some(kind) if options.base_url.is_some() || !options.url_written => {
            let setting = |name: &str| {
                let found = options.settings.iter().find(|(known, ..)| known == name);
                found.map(|(_, value, _)| value.expose().to_owned())
            };
            base_url::settle(cx, (name, at), kind, options.base_url.take(), setting)
        }
        _ => None,
    };
    credential::warn(cx, (name, at), &options);
    capacity::check(cx, name, kind, &options);
    Provider {
        // The caller knows its name.
        id: UNNAMED.parse().expect("a plain word is a name"),
        kind: kind.unwrap_or(ProviderKind::echo()),
        base_url,
        api_keys: options.api_keys,
        settings: options
            .settings
            .into_iter()
            .map(|(name, value, _)| (name, value))
            .collect(),
        auto: false,
        headers: options.headers,
        timeouts: options.timeouts,
        retry: options.retry,
        circuit_breaker: options.circuit_breaker,
        max_concurrency: options.max_concurrency,
        health: options.health.map(|(probe, _)| probe),
        disabled: options.disabled,
        origin: cx.origin_at(at),
    }
}

const UNNAMED: &str = "provider";

/// Checks the settings against those of the kind, and fills in what the environment says.
fn settings(cx: &mut Cx<'_>, (name, at): (&str, Place), kind: ProviderKind, options: &mut Options) {
    let row = kind.row();
    let known = || row.settings.iter().map(|setting| setting.name);
    for (written, _, at) in &options.settings {
        if row.setting(written).is_none() {
            let hint = if row.settings.is_empty() {
                "leave it out".to_owned()
            } else {
                format!(
                    "it has {}",
                    known()
                        .map(|name| format!("`{name}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            };
            cx.say(
                *at,
                Diagnostic::error(
                    "alien-option",
                    format!("a provider of kind `{}` has no `{written}`", row.key),
                )
                .label("not a setting of this kind")
                .hint(hint),
            );
        }
    }
    for setting in row.settings {
        if options
            .settings
            .iter()
            .any(|(written, ..)| written == setting.name)
        {
            continue;
        }
        let found = setting.variables.iter().find_map(|variable| {
            let value = (cx.env)(variable).filter(|value| !value.is_empty())?;
            Some(if setting.secret {
                let origin = SecretOrigin::Env((*variable).to_owned());
                SettingValue::Secret(Secret::new(value, origin))
            } else {
                SettingValue::Plain(value)
            })
        });
        match found {
            Some(value) => options.settings.push((setting.name.to_owned(), value, at)),
            None if setting.required && !options.disabled => {
                let variables = setting.variables.iter().map(|name| format!("`{name}`"));
                let variables = variables.collect::<Vec<_>>().join(" or ");
                cx.say(
                    at,
                    Diagnostic::error(
                        "setting-missing",
                        format!("provider `{name}` needs `{}`", setting.name),
                    )
                    .label(format!(
                        "a provider of kind `{}` cannot do without it",
                        row.key
                    ))
                    .hint(format!("write `{} ...`, or set {variables}", setting.name)),
                );
            }
            None => {}
        }
    }
}

/// A setting that goes by its own name.
fn setting(cx: &mut Cx<'_>, line: &Line<'_>, options: &mut Options) {
    let name = line.segment.name.text.to_string();
    if let Some(word) = line.word(cx)
        && let Some(value) = setting_value(cx, &name, word)
    {
        options.settings.push((name, value, line.at()));
    }
}

/// A setting's value: a secret unless some kind says that it is none.
fn setting_value(cx: &mut Cx<'_>, name: &str, word: &Token) -> Option<SettingValue> {
    let mut known = ProviderKind::all().filter_map(|kind| kind.row().setting(name));
    let plain = known.clone().next().is_some() && known.all(|setting| !setting.secret);
    if plain && !word.text.contains('{') {
        return Some(SettingValue::Plain(word.text.to_string()));
    }
    cx.secret(word).map(SettingValue::Secret)
}
