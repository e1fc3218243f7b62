//! `ferrogate providers`

use ferrogate_providers::{BaseUrl, ProviderKind, ProviderRow};
use serde_json::json;

use super::table::columns;
use crate::args::{Format, ProvidersOptions};
use crate::console::{Outcome, print};

/// Lists what this build knows how to call.
pub(crate) fn run(options: &ProvidersOptions) -> Outcome {
    let rows = ProviderKind::all().map(ProviderKind::row);
    if options.format == Format::Json {
        let list: Vec<serde_json::Value> = rows.map(as_json).collect();
        return print(&format!("{:#}\n", json!(list)));
    }
    let rows: Vec<[String; 4]> = rows
        .map(|row| {
            [
                std::iter::once(&row.key)
                    .chain(row.aliases)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", "),
                row.display_name.to_owned(),
                variables(row).join(" "),
                base_url(row).to_owned(),
            ]
        })
        .collect();
    print(&columns(&["KIND", "NAME", "VARIABLES", "BASE URL"], &rows))
}

/// The variables that say the most: of its credential, then of what it cannot do without.
fn variables(row: &ProviderRow) -> Vec<&'static str> {
    let required = row.settings.iter().filter(|setting| setting.required);
    let required = required.filter_map(|setting| setting.variables.first());
    let asked = match row.base_url {
        BaseUrl::Asked(variables) => variables.first(),
        _ => None,
    };
    row.key_variables
        .first()
        .into_iter()
        .chain(required)
        .chain(asked)
        .copied()
        .collect()
}

fn base_url(row: &ProviderRow) -> &'static str {
    match row.base_url {
        BaseUrl::Fixed(url) | BaseUrl::Template(url) | BaseUrl::Usually(url, _) => url,
        BaseUrl::Asked(_) => "(given by you)",
        BaseUrl::None => "(built in)",
    }
}

fn as_json(row: &ProviderRow) -> serde_json::Value {
    let settings = row.settings.iter().map(|setting| {
        json!({ "name": setting.name, "variables": setting.variables, "required": setting.required })
    });
    json!({
        "kind": row.key,
        "aliases": row.aliases,
        "name": row.display_name,
        "base_url": base_url(row),
        "key_variables": row.key_variables,
        "needs_credential": row.needs_credential,
        "settings": settings.collect::<Vec<_>>(),
        "documentation": row.documentation,
    })
}
