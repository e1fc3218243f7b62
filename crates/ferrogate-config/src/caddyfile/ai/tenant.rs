//! `tenant ID [in PARENT] { … }`.

use std::collections::HashMap;

use ferrogate_types::TenantId;
use ferrogate_types::limits::Limits;

use super::Draft;
use super::holder::{self, Holder};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::Tenant;

const KIND: Kind = Kind {
    noun: "tenant option",
    place: "in `tenant`",
};

/// A tenant and the names in it that are checked when all are known.
pub(crate) struct Named {
    pub(super) tenant: Tenant,
    pub(super) parent: Option<Token>,
    pub(super) at: Place,
    pub(super) holder: Holder,
}

/// Every option of a tenant.
pub(crate) const OPTIONS: &[Row<Holder>] = &[
    holder::name(),
    holder::disabled(),
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
];

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some((args, block)) = line.with_block(cx, 1..=3) else {
        return;
    };
    let (id, parent) = match args {
        [id] => (id, None),
        [id, word, parent] if word.is_word("in") => (id, Some(parent.clone())),
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error("invalid-value", "this is not how a tenant is written")
                    .label("expected `tenant ID` or `tenant ID in PARENT`")
                    .hint(line.syntax()),
            );
            return;
        }
    };
    let parsed: Option<TenantId> = cx.checked(id, "tenant id", id.text.parse());
    let mut holder = Holder::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut holder);
    }
    let shown = cx.shown(id);
    if let Some(first) = draft
        .tenants
        .iter()
        .find(|named| named.tenant.id.as_str() == &*id.text)
    {
        let first = first.at;
        cx.say(
            id.at,
            Diagnostic::error(
                "duplicate-tenant",
                format!("tenant `{shown}` is defined twice"),
            )
            .label("second definition")
            .also(first.span, "first definition"),
        );
        return;
    }
    let Some(parsed) = parsed else { return };
    draft.tenants.push(Named {
        tenant: Tenant {
            name: holder
                .name
                .clone()
                .unwrap_or_else(|| parsed.as_str().to_owned()),
            id: parsed,
            parent: None,
            allowed_models: Vec::new(),
            denied_models: Vec::new(),
            allowed_providers: Vec::new(),
            denied_providers: Vec::new(),
            allowed_ips: std::mem::take(&mut holder.allowed_ips),
            limits: Limits::default(),
            disabled: holder.disabled,
            origin: cx.origin(line.name()),
        },
        parent,
        at: id.at,
        holder,
    });
}

/// Ties tenants to their parents; a round of them is an error.
pub(super) fn tree(cx: &mut Cx<'_>, tenants: &mut [Named]) {
    let ids: HashMap<String, usize> = tenants
        .iter()
        .enumerate()
        .map(|(index, named)| (named.tenant.id.as_str().to_owned(), index))
        .collect();
    let names: Vec<&str> = ids.keys().map(String::as_str).collect();
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(tenants.len());
    for named in &*tenants {
        let parent = named.parent.as_ref().and_then(|word| {
            let found = ids.get(&*word.text).copied();
            if found.is_none() {
                unknown(cx, word, &names);
            }
            found
        });
        parents.push(parent);
    }
    for index in 0..tenants.len() {
        let mut above = parents[index];
        let mut steps = 0;
        while let Some(parent) = above {
            steps += 1;
            if parent == index || steps > tenants.len() {
                break;
            }
            above = parents[parent];
        }
        if above.is_some() {
            let shown = tenants[index].tenant.id.clone();
            cx.say(
                tenants[index].at,
                Diagnostic::error("tenant-cycle", format!("tenant `{shown}` is above itself"))
                    .label("its parents lead back to it")
                    .hint("one of them must stand without `in`"),
            );
            parents[index] = None;
        }
    }
    for index in 0..tenants.len() {
        tenants[index].tenant.parent =
            parents[index].map(|parent| tenants[parent].tenant.id.clone());
    }
}

/// Complains about a tenant that is not defined.
pub(super) fn unknown(cx: &mut Cx<'_>, word: &Token, names: &[&str]) {
    let shown = cx.shown(word);
    let hint = crate::suggest::did_you_mean(&word.text, names.iter().copied());
    cx.say(
        word.at,
        Diagnostic::error(
            "unknown-reference",
            format!("tenant `{shown}` is not defined in this gateway"),
        )
        .label("no such tenant")
        .hint(if hint.is_empty() {
            format!("define it: `tenant {shown}`")
        } else {
            hint
        }),
    );
}
