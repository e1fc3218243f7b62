//! Sums of what was used.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{EventFilter, LedgerStore as _, UsageDimension, UsageQuery, UsageRow};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{json, with_type};
use crate::extract::Params;
use crate::identity::Identity;
use crate::page::{List, list_params};
use crate::refusal::Refusal;
use crate::request_logs::within_reach;
use crate::time::moment;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

list_params! {
    /// Which usage is wanted, and summed by what.
    UsageParams {
        /// By what it is summed, with commas: `key`, `tenant`, `model`, `provider`, `day`, `hour`. By nothing, there is
        /// one row.
        group_by: Option<String>,
        /// Only what this key pays.
        key: Option<String>,
        /// Only what this tenant pays. A tenant's principal sees its own, or one below it.
        tenant: Option<String>,
        /// Only calls for this model.
        model: Option<String>,
        /// Only calls this provider answered.
        provider: Option<String>,
        /// Not before the hour of this.
        #[param(value_type = Option<String>, format = DateTime)]
        since: Option<String>,
        /// Before the hour of this.
        #[param(value_type = Option<String>, format = DateTime)]
        until: Option<String>,
    }
}

/// Rows of one answer: more than of other lists, for they cannot be read page by page while they grow.
const MOST: u32 = 10_000;
const DEFAULT: u32 = 1_000;

const DIMENSIONS: [(&str, UsageDimension); 6] = [
    ("key", UsageDimension::Key),
    ("tenant", UsageDimension::Tenant),
    ("model", UsageDimension::Model),
    ("provider", UsageDimension::Provider),
    ("day", UsageDimension::Day),
    ("hour", UsageDimension::Hour),
];

/// What is counted, with whether it is money.
const COUNTS: [&str; 10] = [
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "estimated",
    "uncertain",
    "unpriced",
];

/// What was used, summed by hour and by name: JSON, or CSV where `Accept` asks for that.
#[utoipa::path(get, path = "/admin/v1/usage-aggregates", tag = "Usage", params(UsageParams),
    responses((status = 200, description = "Sums: the members of `group_by`, then the counts", content(
        (List<Value> = "application/json"), (String = "text/csv")))))]
async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    headers: HeaderMap,
    Params(params): Params<UsageParams>,
) -> Result<Response, Refusal> {
    let (names, group_by) = dimensions(params.group_by.as_deref().unwrap_or_default())?;
    let asked = params.asked();
    let limit = asked.limit.unwrap_or(DEFAULT).clamp(1, MOST);
    let query = UsageQuery {
        filter: EventFilter {
            key: name("key", params.key.as_ref())?,
            tenant: match within_reach(&identity, params.tenant.as_deref())? {
                Some(tenant) => tenant.parse().ok(),
                None => name("tenant", params.tenant.as_ref())?,
            },
            model: name("model", params.model.as_ref())?,
            provider: name("provider", params.provider.as_ref())?,
            uncertain: None,
            since: moment("since", params.since.as_ref())?,
            until: moment("until", params.until.as_ref())?,
        },
        group_by,
        limit: MOST,
    };
    let rows = app.store.usage(&query).await?;
    let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let offset = asked.offset.unwrap_or(0);
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    let take = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = rows.iter().skip(skip).take(take);
    if wants_csv(&headers) {
        let text = csv(&names, page);
        return Ok(with_type(
            StatusCode::OK,
            text.into_bytes(),
            "text/csv; charset=utf-8",
        ));
    }
    let list = List {
        object: "list",
        data: page.map(|row| shown(&names, row)).collect(),
        total,
        total_is_lower_bound: total == u64::from(MOST),
        limit,
        offset,
        next_cursor: None,
        summary: None,
        filters: None,
    };
    Ok(json(StatusCode::OK, &list))
}

/// A name that a parameter gives.
pub(crate) fn name<T>(param: &str, text: Option<&String>) -> Result<Option<T>, Refusal>
where
    T: std::str::FromStr<Err = ferrogate_types::NameError>,
{
    text.filter(|text| !text.is_empty())
        .map(|text| {
            text.parse()
                .map_err(|error| Refusal::parameter(param, format!("`{param}` {error}")))
        })
        .transpose()
}

fn dimensions(text: &str) -> Result<(Vec<&'static str>, Vec<UsageDimension>), Refusal> {
    let mut found = Vec::new();
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let known = DIMENSIONS.iter().find(|(name, _)| *name == word);
        let Some(known) = known.filter(|known| !found.contains(known)) else {
            return Err(Refusal::parameter(
                "group_by",
                "`group_by` has each of `key`, `tenant`, `model`, `provider`, `day` and `hour` at most once",
            ));
        };
        found.push(known);
    }
    Ok(found.into_iter().copied().unzip())
}

fn counts(row: &UsageRow) -> [Value; 10] {
    [
        row.requests.into(),
        row.input_tokens.into(),
        row.cached_input_tokens.into(),
        row.cache_write_tokens.into(),
        row.output_tokens.into(),
        row.reasoning_tokens.into(),
        row.cost.to_string().into(),
        row.estimated.into(),
        row.uncertain.into(),
        row.unpriced.into(),
    ]
}

fn shown(names: &[&str], row: &UsageRow) -> Value {
    let group = names.iter().zip(&row.group).map(|(name, value)| {
        // What has no name is nothing, rather than an empty one.
        let value = Some(value.clone()).filter(|value| !value.is_empty());
        ((*name).to_owned(), Value::from(value))
    });
    let counts = COUNTS.into_iter().map(str::to_owned).zip(counts(row));
    Value::Object(group.chain(counts).collect::<Map<_, _>>())
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut types = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    types.any(|range| range.eq_ignore_ascii_case("text/csv"))
}

/// RFC 4180.
fn csv<'a>(names: &[&str], rows: impl Iterator<Item = &'a UsageRow>) -> String {
    let head = names.iter().chain(&COUNTS).copied().collect::<Vec<_>>();
    let mut text = head.join(",") + "\r\n";
    for row in rows {
        let counts = counts(row).map(|count| match count {
            Value::String(text) => text,
            count => count.to_string(),
        });
        let cells: Vec<_> = row
            .group
            .iter()
            .map(|cell| quoted(cell))
            .chain(counts)
            .collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell. One that a spreadsheet would run is made a text: names come from callers.
fn quoted(cell: &str) -> String {
    let cell = match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_texts() {
        for (cell, expected) in [
            ("gpt-4o", "gpt-4o"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
