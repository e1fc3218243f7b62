//! `api_key` of a provider.

use ferrogate_providers::ProviderKind;
use ferrogate_types::{Secret, SecretOrigin};

use super::Options;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Place;
use crate::diagnostic::Diagnostic;
use crate::model::PoolKey;

/// The largest weight of a credential.
const MAX_WEIGHT: u32 = 10_000;

/// `api_key SECRET [weight N]`
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>, options: &mut Options) {
    options.credential_at.get_or_insert(line.at());
    // What came from a variable may be any word; what was written as one is the option.
    let bare = line
        .args
        .first()
        .is_none_or(|first| first.is_word("weight") && !first.expanded);
    if bare && let Some(variable) = cx.unset_on_line(line.at()) {
        let unset = Secret::new("", SecretOrigin::Env(variable.to_string()));
        options.api_keys.push(PoolKey::new(unset));
        return;
    }
    let secret = line.args.first().and_then(|first| cx.secret(first));
    let weight = match line.list(cx, 1..=3) {
        Some([_]) => Some(1),
        Some([_, option, weight]) if option.is_word("weight") => cx
            .number(weight, 1..=u64::from(MAX_WEIGHT))
            .and_then(|weight| u32::try_from(weight).ok()),
        Some([_, surplus, ..]) => {
            // A secret with a blank in it that was not quoted is no less secret.
            for word in line.args {
                cx.report.redact(word.at.span);
            }
            cx.say(
                surplus.at,
                Diagnostic::error("argument-count", "a credential is one word")
                    .label("only `weight N` may stand here")
                    .hint(line.syntax()),
            );
            None
        }
        _ => None,
    };
    if let (Some(secret), Some(weight)) = (secret, weight) {
        options.api_keys.push(PoolKey { secret, weight });
    }
}

/// Takes the credential from the environment where none was written.
pub(super) fn from_environment(cx: &Cx<'_>, kind: ProviderKind, options: &mut Options) {
    let row = kind.row();
    if !options.api_keys.is_empty() || options.credential_at.is_some() {
        return;
    }
    let found = row.key_variables.iter().find_map(|variable| {
        let value = (cx.env)(variable).filter(|value| !value.is_empty())?;
        Some(Secret::new(
            value,
            SecretOrigin::Env((*variable).to_owned()),
        ))
    });
    match (found, row.key_variables.first()) {
        (Some(secret), _) => options.api_keys.push(PoolKey::new(secret)),
        (None, Some(variable)) if row.needs_credential => {
            let origin = SecretOrigin::Env((*variable).to_owned());
            options.api_keys.push(PoolKey::new(Secret::new("", origin)));
        }
        _ => {}
    }
}

/// Warns where every credential is an empty one.
pub(super) fn warn(cx: &mut Cx<'_>, (name, at): (&str, Place), options: &Options) {
    let keys = &options.api_keys;
    if options.disabled || keys.is_empty() || !keys.iter().all(|key| key.secret.is_empty()) {
        return;
    }
    let variable = keys.iter().find_map(|key| match key.secret.origin() {
        SecretOrigin::Env(name) => Some(format!("set the environment variable `{name}`")),
        _ => None,
    });
    cx.say(
        options.credential_at.unwrap_or(at),
        Diagnostic::warning(
            "no-credential",
            format!("provider `{name}` has no credential and is disabled"),
        )
        .label("nothing stands here")
        .hint(variable.unwrap_or_default()),
    );
}
