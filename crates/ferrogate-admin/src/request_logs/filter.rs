//! Which records of calls are wanted.

use ferrogate_storage::{LogFilter, OrNone};
use serde_json::{Value, json};

use crate::identity::Identity;
use crate::page::list_params;
use crate::refusal::Refusal;
use crate::time::moment;

list_params! {
    /// Which calls are wanted.
    LogParams {
        /// `all`, `terminal`, `after_request` (those that went well) or `on_error`. There is one row for each call.
        stage: Option<String>,
        /// Only calls for this model.
        model: Option<String>,
        /// Only calls this provider answered.
        provider: Option<String>,
        /// Only calls with this key; `none` for those without one.
        #[serde(alias = "api_key_id")]
        key: Option<String>,
        /// Only calls of this tenant; `none` for those of nobody's. A tenant's principal sees its own, or one below it.
        tenant: Option<String>,
        /// Only calls of this user.
        #[serde(alias = "user_id")]
        user: Option<String>,
        /// Only calls of this session.
        #[serde(alias = "session_id")]
        session: Option<String>,
        /// Only calls on this surface: `chat.completions`.
        surface: Option<String>,
        /// Only answers with this status: `429`, `5xx` or `400-499`.
        status: Option<String>,
        /// Not before this.
        #[param(value_type = Option<String>, format = DateTime)]
        since: Option<String>,
        /// Before this.
        #[param(value_type = Option<String>, format = DateTime)]
        until: Option<String>,
        /// Only calls with this text in the request id, the names or the error code, whatever its case.
        q: Option<String>,
        /// Of `/stats`: into so many stretches of time since `since`, up to 120.
        buckets: Option<u32>,
        /// Of a deletion, where it is required: only calls from before this.
        #[param(value_type = Option<String>, format = DateTime)]
        before: Option<String>,
    }
}

impl LogParams {
    /// As the store asks, within reach of the caller.
    pub(super) fn filter(&self, identity: &Identity) -> Result<LogFilter, Refusal> {
        let by_stage = match self.stage.as_deref() {
            None | Some("" | "all" | "terminal") => None,
            Some("after_request") => Some((0, 399)),
            Some("on_error") => Some((400, u16::MAX)),
            Some(_) => {
                return Err(Refusal::parameter(
                    "stage",
                    "`stage` is `all`, `terminal`, `after_request` or `on_error`",
                ));
            }
        };
        let by_status = self.status.as_deref().map(statuses).transpose()?;
        let status = match (by_stage, by_status) {
            (Some((a, b)), Some((c, d))) => Some((a.max(c), b.min(d))),
            (stage, status) => stage.or(status),
        };
        Ok(LogFilter {
            model: named(self.model.as_ref()),
            provider: named(self.provider.as_ref()),
            key: or_none(self.key.as_ref()),
            tenant: match within_reach(identity, self.tenant.as_deref())? {
                Some(tenant) => Some(OrNone::Is(tenant)),
                None => or_none(self.tenant.as_ref()),
            },
            user: named(self.user.as_ref()),
            session: named(self.session.as_ref()),
            surface: named(self.surface.as_ref()),
            status,
            since: moment("since", self.since.as_ref())?,
            until: moment("until", self.until.as_ref())?,
            q: named(self.q.as_ref()),
        })
    }

    /// What was asked for, as it is shown.
    pub(super) fn shown(&self) -> Value {
        json!({
            "stage": self.stage, "model": self.model, "provider": self.provider, "key": self.key,
            "tenant": self.tenant, "user": self.user, "session": self.session, "surface": self.surface,
            "status": self.status, "since": self.since, "until": self.until, "q": self.q,
        })
    }
}

/// The tenant whose records a tenant's principal sees: its own, or one below it that is named.
pub(crate) fn within_reach(
    identity: &Identity,
    asked: Option<&str>,
) -> Result<Option<String>, Refusal> {
    let Some(own) = identity.tenant() else {
        return Ok(None);
    };
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(Some(own.to_string()));
    };
    match asked.parse() {
        Ok(tenant) if identity.reaches(Some(&tenant)) => Ok(Some(asked.to_owned())),
        _ => Err(Refusal::forbidden(
            "tenant_denied",
            format!("`tenant` is `{own}` or a tenant below it"),
        )
        .about("tenant")),
    }
}

fn named(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn or_none(text: Option<&String>) -> Option<OrNone> {
    match named(text)? {
        none if none == "none" => Some(OrNone::None),
        name => Some(OrNone::Is(name)),
    }
}

fn statuses(text: &str) -> Result<(u16, u16), Refusal> {
    let read = || {
        if let Some(class) = text.strip_suffix("xx") {
            let class: u16 = class.parse().ok().filter(|class| (1..=9).contains(class))?;
            return Some((class * 100, class * 100 + 99));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    read().ok_or_else(|| {
        Refusal::parameter(
            "status",
            "`status` is a number, a class such as `5xx`, or a range such as `400-499`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_statuses() {
        for (text, expected) in [
            ("429", Some((429, 429))),
            ("5xx", Some((500, 599))),
            ("400-499", Some((400, 499))),
            ("", None),
            ("xx", None),
            ("0xx", None),
            ("99999", None),
            ("4-", None),
        ] {
            assert_eq!(statuses(text).ok(), expected, "{text}");
        }
    }
}
