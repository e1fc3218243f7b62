//! `policy NAME { … }`.

use ferrogate_policy::Hours;
use ferrogate_types::Scope;

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{Policy, PolicyEffect};
use crate::suggest::did_you_mean;

const KIND: Kind = Kind {
    noun: "policy option",
    place: "in `policy`",
};
const EFFECTS: &[(&str, PolicyEffect)] =
    &[("allow", PolicyEffect::Allow), ("deny", PolicyEffect::Deny)];

/// A policy as it is read.
pub(crate) struct Options {
    policy: Policy,
    effect_written: bool,
}

/// Every option of a policy.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::new(
        "effect",
        "effect allow|deny",
        "Whether what fits may happen.",
        |cx, line, o| {
            o.effect_written = true;
            let word = line.word(cx);
            if let Some(effect) = word.and_then(|word| cx.one_of(word, "effect", EFFECTS)) {
                o.policy.effect = effect;
            }
        },
    ),
    Row::many(
        "tenants",
        "tenants NAME...",
        "Of whom; with all below them.",
        |cx, line, o| o.policy.tenants.extend(line.texts(cx)),
    ),
    Row::many("keys", "keys ID...", "Of whose key.", |cx, line, o| {
        o.policy.keys.extend(line.texts(cx));
    }),
    Row::many(
        "models",
        "models NAME...",
        "Of what model, by its own name or by its provider's.",
        |cx, line, o| o.policy.models.extend(line.texts(cx)),
    ),
    Row::many(
        "providers",
        "providers NAME...",
        "At what provider.",
        |cx, line, o| o.policy.providers.extend(line.texts(cx)),
    ),
    Row::many(
        "surfaces",
        "surfaces NAME...",
        "Over what surface, such as `chat` or `embeddings`.",
        |cx, line, o| o.policy.surfaces.extend(line.texts(cx)),
    ),
    Row::many("scopes", "scopes SCOPE...", "By what permission.", scopes),
    Row::many("ips", "ips RANGE...", "From where.", |cx, line, o| {
        let words = line.list(cx, 1..=10_000).unwrap_or_default();
        o.policy.ips.extend(cx.ranges(words));
    }),
    Row::many(
        "hours",
        "hours [DAYS] [FROM-TO] [ZONE]",
        "When, for instance `mon-fri 09:00-17:00 Europe/Berlin`.",
        |cx, line, o| {
            let Some([first, ..]) = line.list(cx, 1..=3) else {
                return;
            };
            let text = line.texts(cx).join(" ");
            let parsed = text.parse::<Hours>();
            if cx.checked(first, "time", parsed).is_some() {
                o.policy.hours.push(text);
            }
        },
    ),
    Row::new(
        "code",
        "code CODE",
        "What the refusal is called; `policy_denied` by default.",
        |cx, line, o| o.policy.code = line.text(cx),
    ),
    Row::new(
        "message",
        "message TEXT",
        "What the refusal says.",
        |cx, line, o| o.policy.message = line.text(cx),
    ),
    Row::new(
        "dry_run",
        "dry_run",
        "Decides nothing, and logs where it would have.",
        |cx, line, o| o.policy.dry_run = line.flag(cx),
    ),
];

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some(([name], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let shown = cx.shown(name);
    let mut options = Options {
        policy: Policy {
            name: name.text.to_string(),
            effect: PolicyEffect::Deny,
            tenants: Vec::new(),
            keys: Vec::new(),
            models: Vec::new(),
            providers: Vec::new(),
            surfaces: Vec::new(),
            scopes: Vec::new(),
            ips: Vec::new(),
            hours: Vec::new(),
            code: None,
            message: None,
            dry_run: false,
            origin: cx.origin(line.name()),
        },
        effect_written: false,
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    }
    if !options.effect_written {
        cx.say(
            name.at,
            Diagnostic::error("policy-effect", format!("policy `{shown}` says nothing"))
                .label("does it allow or deny?")
                .hint("add `effect deny` or `effect allow`"),
        );
    }
    if draft.policies.iter().any(|known| known.name == *name.text) {
        cx.say(
            name.at,
            Diagnostic::error(
                "duplicate-policy",
                format!("policy `{shown}` is defined twice"),
            )
            .label("second definition"),
        );
        return;
    }
    draft.policies.push(options.policy);
}

fn scopes(cx: &mut Cx<'_>, line: &Line<'_>, options: &mut Options) {
    for word in line.list(cx, 1..=64).unwrap_or_default() {
        if let Ok(scope) = word.text.parse::<Scope>() {
            options.policy.scopes.push(scope);
            continue;
        }
        let shown = cx.shown(word);
        let names = Scope::ALL.iter().map(|scope| scope.as_str());
        cx.say(
            word.at,
            Diagnostic::error("unknown-scope", format!("unknown scope `{shown}`"))
                .label("not a permission")
                .hint(did_you_mean(&shown, names)),
        );
    }
}
