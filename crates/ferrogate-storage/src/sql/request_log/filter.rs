//! What a filter lets through.

use crate::sql::filter::Conditions;
use crate::traits::request_log::{LogFilter, OrNone};

fn add_or_none(conditions: &mut Conditions, column: &str, wanted: Option<&OrNone>) {
    match wanted {
        None => {}
        Some(OrNone::Is(name)) => conditions.add(&format!("{column} = {{}}"), name),
        Some(OrNone::None) => conditions.add_plain(&format!("{column} IS NULL")),
    }
}

/// All of a filter but its times and its text.
pub(super) fn names(filter: &LogFilter) -> Conditions {
    let mut conditions = Conditions::default();
    add_or_none(&mut conditions, "key_id", filter.key.as_ref());
    add_or_none(&mut conditions, "tenant", filter.tenant.as_ref());
    conditions.add_some("model = {}", filter.model.as_ref());
    conditions.add_some("provider = {}", filter.provider.as_ref());
    conditions.add_some("user_name = {}", filter.user.as_ref());
    conditions.add_some("session = {}", filter.session.as_ref());
    conditions.add_some("surface = {}", filter.surface.as_ref());
    if let Some((first, last)) = filter.status {
        conditions.add("status >= {}", first);
        conditions.add("status <= {}", last);
        if first >= 400 {
            // Said again in these words, which are those of the index of failures.
            conditions.add_plain("status >= 400");
        }
    }
    conditions
}

/// All of a filter but its text.
pub(super) fn conditions(filter: &LogFilter) -> Conditions {
    let mut conditions = names(filter);
    conditions.add_some("occurred_at >= {}", filter.since);
    conditions.add_some("occurred_at < {}", filter.until);
    conditions
}
