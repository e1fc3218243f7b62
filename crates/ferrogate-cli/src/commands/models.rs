//! `ferrogate models`

use std::borrow::Cow;

use ferrogate_catalog::{Bucket, Catalog, ModelRow};
use serde_json::json;

use super::table::columns;
use crate::args::{Format, ModelsOptions};
use crate::console::{Failure, Outcome, print};

/// Lists what is known of models.
pub(crate) fn run(options: &ModelsOptions) -> Outcome {
    let catalog = catalog(options)?;
    let wanted = |row: &&ModelRow| {
        options
            .provider
            .as_deref()
            .is_none_or(|provider| provider == &*row.provider)
    };
    let rows: Vec<&ModelRow> = match &options.search {
        Some(text) => catalog.search(text).filter(wanted).collect(),
        None => catalog.iter().filter(wanted).collect(),
    };
    if options.format == Format::Json {
        return print(&format!("{:#}\n", json!(rows)));
    }
    if rows.is_empty() {
        return Err(Failure::Failed(
            "no model of the catalog is like that".to_owned(),
        ));
    }
    let rows: Vec<[String; 7]> = rows.into_iter().map(line).collect();
    let head = [
        "PROVIDER", "MODEL", "MODE", "CONTEXT", "OUTPUT", "IN $/1M", "OUT $/1M",
    ];
    print(&columns(&head, &rows))
}

fn catalog(options: &ModelsOptions) -> Result<Cow<'static, Catalog>, Failure> {
    let embedded = Catalog::embedded();
    let Some(path) = &options.catalog else {
        return Ok(Cow::Borrowed(embedded));
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Failed(format!("`{file}` cannot be read: {error}")))?;
    let own = Catalog::parse(&text, &file).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::Failed(lines.join("\n"))
    })?;
    Ok(Cow::Owned(embedded.clone().overlay(own)))
}

fn line(row: &ModelRow) -> [String; 7] {
    let tokens = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let price = |bucket| {
        let price = row.prices.base(bucket);
        price.map_or_else(|| "unpriced".to_owned(), |price| price.to_string())
    };
    [
        row.provider.to_string(),
        row.id.clone(),
        row.mode.as_str().to_owned(),
        tokens(row.context_window),
        tokens(row.max_output_tokens),
        price(Bucket::Input),
        price(Bucket::Output),
    ]
}
