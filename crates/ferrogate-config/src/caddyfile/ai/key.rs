//! `api_key ID { … }`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ferrogate_types::limits::Limits;
use ferrogate_types::{KeyId, Scope, ScopeSet, Secret, SecretOrigin, UserId};

use super::holder::{self, Holder, Holds};
use super::{Draft, rfc3339};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{ApiKey, Credential};

const KIND: Kind = Kind {
    noun: "key option",
    place: "in `api_key`",
};

/// A key and the names in it that are checked when all are known.
pub(crate) struct Named {
    pub(super) key: ApiKey,
    pub(super) tenant: Option<Token>,
    pub(super) holder: Holder,
}

/// A key as it is read.
#[derive(Default)]
pub(crate) struct Options {
    credential: Option<(Credential, Place)>,
    /// A credential was written, good or bad.
    credential_written: bool,
    scopes: Vec<Scope>,
    scopes_written: bool,
    expires: Option<u64>,
    tenant: Option<Token>,
    user: Option<UserId>,
    metadata: BTreeMap<String, String>,
    holder: Holder,
}

impl Holds for Options {
    fn holder(&mut self) -> &mut Holder {
        &mut self.holder
    }
}

/// Every option of a key.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::many(
        "key",
        "key SECRET",
        "What the caller presents.",
        |cx, line, key| {
            let secret = match cx.unset_on_line(line.at()).filter(|_| line.args.is_empty()) {
                Some(variable) => Some(Secret::new("", SecretOrigin::Env(variable.to_string()))),
                None => line.word(cx).and_then(|word| cx.secret(word)),
            };
            key.credential(cx, line, secret.map(Credential::Plain));
        },
    ),
    Row::many(
        "key_env",
        "key_env NAME",
        "The variable that holds what the caller presents.",
        |cx, line, key| {
            let secret = line.word(cx).map(|name| {
                Secret::new(
                    (cx.env)(&name.text).unwrap_or_default(),
                    SecretOrigin::Env(name.text.to_string()),
                )
            });
            key.credential(cx, line, secret.map(Credential::Plain));
        },
    ),
    Row::many(
        "key_hash",
        "key_hash HASH",
        "A hash from `ferrogate hash-key`.",
        |cx, line, key| {
            let hash = line.word(cx).and_then(|word| hash(cx, word));
            key.credential(cx, line, hash.map(Credential::Hash));
        },
    ),
    holder::name(),
    holder::disabled(),
    Row::new(
        "expires",
        "expires RFC3339",
        "When it stops working.",
        |cx, line, key| {
            if let Some(word) = line.word(cx) {
                key.expires = cx.checked(word, "time", rfc3339::parse(&word.text));
            }
        },
    ),
    Row::many("scopes", "scopes SCOPE... | *", "What it may do.", scopes),
    Row::new(
        "tenant",
        "tenant ID",
        "Whose key it is: the limits of the tenant and of all above it hold as well.",
        |cx, line, key| key.tenant = line.word(cx).cloned(),
    ),
    Row::new("user", "user NAME", "Who holds it.", |cx, line, key| {
        key.user = line.parse(cx, "user");
    }),
    Row::many(
        "metadata",
        "metadata NAME VALUE",
        "A label, for routing and for the log.",
        |cx, line, key| {
            if let Some([name, value]) = line.words(cx) {
                key.metadata
                    .insert(name.text.to_string(), value.text.to_string());
            }
        },
    ),
    holder::allowed_models(),
    holder::denied_models(),
    holder::allowed_providers(),
    holder::denied_providers(),
    holder::allowed_ips(),
    holder::request_limit(),
    holder::token_limit(),
    holder::max_concurrency(),
    holder::monthly_token_budget(),
    holder::budget(),
    Row::later("cache", "nothing is cached"),
    Row::later("log_bodies", "bodies are never logged"),
];

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some(([id], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let parsed: Option<KeyId> = cx.checked(id, "key id", id.text.parse());
    let mut options = Options::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    }
    let shown = cx.shown(id);
    if !options.credential_written {
        cx.say(
            id.at,
            Diagnostic::error("credential-missing", format!("key `{shown}` has no secret"))
                .label("what is the caller to present?")
                .hint("add `key SECRET`, `key_env NAME` or `key_hash HASH`"),
        );
    }
    if options.scopes.is_empty() && !options.scopes_written {
        cx.say(
            id.at,
            Diagnostic::warning(
                "no-scopes",
                format!("key `{shown}` has no scope and can do nothing"),
            )
            .label("legal, and useless")
            .hint("add for instance `scopes models.read chat.completions`, or `scopes *`"),
        );
    }
    if let Some(first) = draft.key_names.insert(id.text.to_string(), id.at) {
        cx.say(
            id.at,
            Diagnostic::error("duplicate-key", format!("key `{shown}` is defined twice"))
                .label("second definition")
                .also(first.span, "first definition"),
        );
        return;
    }
    let (Some(parsed), Some((credential, at))) = (parsed, options.credential) else {
        return;
    };
    if let Credential::Plain(secret) = &credential {
        warn_empty(cx, &shown, secret, at);
        let mut hasher = DefaultHasher::new();
        secret.expose().hash(&mut hasher);
        let earlier = draft
            .key_secrets
            .entry(hasher.finish())
            .or_insert_with(|| (secret.clone(), id.at));
        let (other, other_at) = (&earlier.0, earlier.1);
        if other_at != id.at && !secret.is_empty() && other == secret {
            cx.say(
                at,
                Diagnostic::error(
                    "duplicate-key",
                    format!("key `{shown}` has the secret of another key"),
                )
                .label("a caller with it could be either")
                .also(other_at.span, "the other key"),
            );
        }
    }
    let mut holder = options.holder;
    draft.keys.push(Named {
        key: ApiKey {
            name: holder
                .name
                .clone()
                .unwrap_or_else(|| parsed.as_str().to_owned()),
            id: parsed,
            credential,
            scopes: options.scopes.into_iter().collect::<ScopeSet>(),
            tenant: None,
            user: options.user,
            metadata: options.metadata,
            allowed_models: Vec::new(),
            denied_models: Vec::new(),
            allowed_providers: Vec::new(),
            denied_providers: Vec::new(),
            allowed_ips: std::mem::take(&mut holder.allowed_ips),
            limits: Limits::default(),
            disabled: holder.disabled,
            expires: options.expires,
            origin: cx.origin(line.name()),
        },
        tenant: options.tenant,
        holder,
    });
}

impl Options {
    fn credential(&mut self, cx: &mut Cx<'_>, line: &Line<'_>, credential: Option<Credential>) {
        if let Some((_, first)) = &self.credential {
            cx.say(
                line.name().at,
                Diagnostic::error("duplicate-credential", "a key has one secret")
                    .label("second secret")
                    .also(first.span, "first secret"),
            );
        }
        self.credential_written = true;
        self.credential = credential
            .map(|credential| (credential, line.name().at))
            .or(self.credential.take());
    }
}

fn warn_empty(cx: &mut Cx<'_>, key: &str, secret: &Secret, at: Place) {
    if !secret.is_empty() {
        return;
    }
    let diagnostic = match secret.origin() {
        SecretOrigin::Env(name) => Diagnostic::warning(
            "empty-key",
            format!("nobody can use key `{key}`: `{name}` is not set"),
        )
        .label("the secret is empty")
        .hint(format!("set the environment variable `{name}`")),
        SecretOrigin::File(path) => Diagnostic::warning(
            "empty-key",
            format!("nobody can use key `{key}`: file `{path}` is empty"),
        )
        .label("the secret is empty"),
        SecretOrigin::Literal => {
            Diagnostic::error("empty-key", format!("the secret of key `{key}` is empty"))
                .label("write one here")
        }
    };
    cx.say(at, diagnostic);
}

fn hash(cx: &mut Cx<'_>, word: &Token) -> Option<Secret> {
    let hash = cx.secret(word)?;
    if hash.expose().starts_with("$argon2id$") {
        return Some(hash);
    }
    let label = if hash.expose().starts_with("blake2b:") {
        "hashes of kind blake2b are not available"
    } else {
        "must begin with `$argon2id$`"
    };
    cx.say(
        word.at,
        Diagnostic::error("invalid-hash", "this is not a hash that can be checked")
            .label(label)
            .hint("make one with `ferrogate hash-key`, from the secret itself"),
    );
    None
}

fn scopes(cx: &mut Cx<'_>, line: &Line<'_>, key: &mut Options) {
    key.scopes_written = true;
    let words = line.list(cx, 1..=64).unwrap_or_default();
    key.scopes.extend(super::scopes::read(cx, words));
}
