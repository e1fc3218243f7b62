//! `auto_providers`: every provider whose variables are set.

use ferrogate_providers::{BaseUrl, ProviderKind};

use super::{Draft, provider};
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Place;
use crate::diagnostic::Diagnostic;

/// Adds a provider for each kind whose variables are set and whose name is not taken.
pub(super) fn add(cx: &mut Cx<'_>, at: Place, draft: &mut Draft) {
    let mut found = 0;
    for kind in ProviderKind::all() {
        if !is_meant(cx, kind) {
            continue;
        }
        found += 1;
        let taken = draft
            .providers
            .iter()
            .any(|provider| provider.id.as_str() == kind.row().key);
        if !taken {
            let made = provider::found(cx, at, kind);
            draft.provider_names.insert(kind.row().key.to_owned(), at);
            draft.providers.extend(made);
        }
    }
    if found == 0 {
        cx.say(
            at,
            Diagnostic::warning("no-provider", "`auto_providers` found no provider")
                .label("no provider's variables are set")
                .hint("set for instance `OPENAI_API_KEY`; `ferrogate providers` lists them all"),
        );
    }
}

/// Whether the environment says all that the kind needs.
fn is_meant(cx: &Cx<'_>, kind: ProviderKind) -> bool {
    let row = kind.row();
    let set = |name: &str| (cx.env)(name).is_some_and(|value| !value.is_empty());
    let wanted = row
        .key_variables
        .iter()
        .chain(row.other_variables)
        .any(|name| set(name));
    let settings = row
        .settings
        .iter()
        .filter(|setting| setting.required)
        .all(|setting| setting.variables.iter().any(|name| set(name)));
    let somewhere = match row.base_url {
        BaseUrl::Asked(variables) => variables.iter().any(|name| set(name)),
        BaseUrl::None => false,
        BaseUrl::Fixed(_) | BaseUrl::Usually(..) | BaseUrl::Template(_) => true,
    };
    wanted && settings && somewhere
}
