//! Every model that is known.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_llm::ModelTraits;

use crate::family::{self, Family};
use crate::identity::{self, Wrapping};
use crate::parse::{Parsed, parse};
use crate::{CatalogError, ModelRow, Problem, Status};

/// Rows of models, found by provider and id.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    rows: Vec<ModelRow>,
    families: Vec<Family>,
    wrappings: HashMap<Arc<str>, Wrapping>,
    /// The place of a row, by provider, then by id or alias.
    index: HashMap<Arc<str>, HashMap<String, usize>>,
}

impl Catalog {
    /// Reads a catalog; `file` is its name in errors. Every problem is reported, in the order of the text.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<CatalogError>> {
        Self::parse_all([(file, text)])
    }

    /// Reads several texts, `(name, text)`, as one catalog.
    pub(crate) fn parse_all<'t>(
        texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, Vec<CatalogError>> {
        let mut catalog = Self::default();
        let mut errors = Vec::new();
        for (file, text) in texts {
            let file: Arc<str> = file.into();
            errors.extend(catalog.take(parse(text, &file), &file));
        }
        if errors.is_empty() {
            catalog.resolve();
            Ok(catalog)
        } else {
            Err(errors)
        }
    }

    /// This catalog under another: rows of `other` replace those of the same provider and id, its families and ids
    /// go first.
    #[must_use]
    pub fn overlay(mut self, other: Self) -> Self {
        self.rows.retain(|row| {
            let replaced = other.exact(&row.provider, &row.id);
            replaced.is_none_or(|new| new.id != row.id)
        });
        self.rows.extend(other.rows);
        self.families.extend(other.families);
        for (_, wrapping) in other.wrappings {
            self.wrap(wrapping);
        }
        self.index.clear();
        for place in 0..self.rows.len() {
            self.index_row(place);
        }
        self.resolve();
        self
    }

    /// The row of a model.
    ///
    /// Looks for the id as it is, as an alias, without what the provider wraps around ids (`us.`, `models/`,
    /// `@20250929`), and last, for rows that allow it, without a date or a version number at its end.
    pub fn get(&self, provider: &str, model: &str) -> Option<&ModelRow> {
        let found = |id: &str| self.exact(provider, id);
        let candidates = identity::candidates(self.wrappings.get(provider), model);
        candidates.iter().find_map(|id| found(id)).or_else(|| {
            candidates.iter().find_map(|id| {
                identity::undated(id)
                    .and_then(found)
                    .filter(|row| row.dated)
            })
        })
    }

    /// What a model takes and refuses: what its row says, over its family, over permissive defaults.
    pub fn traits(&self, provider: &str, model: &str) -> ModelTraits {
        self.get(provider, model).map_or_else(
            || family::inherited(&self.families, provider, model).traits(),
            ModelRow::traits,
        )
    }

    /// The rows under which providers serve a model, by the provider's key; not those that are retired.
    pub fn serving(&self, model: &str) -> impl Iterator<Item = &ModelRow> {
        let mut rows: Vec<&ModelRow> = self
            .index
            .keys()
            .filter_map(|provider| self.get(provider, model))
            .filter(|row| row.lifecycle.status != Status::Retired)
            .collect();
        rows.sort_by(|a, b| a.provider.cmp(&b.provider));
        rows.into_iter()
    }

    /// The rows whose `provider/id` or alias contains every word of `text`, upper or lower case.
    pub fn search(&self, text: &str) -> impl Iterator<Item = &ModelRow> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        self.iter().filter(move |row| {
            let aliases = row.aliases.join(" ");
            let name = format!("{}/{} {aliases}", row.provider, row.id).to_lowercase();
            words.iter().all(|word| name.contains(word.as_str()))
        })
    }

    /// Every row: by provider in the order of its text, the overlay's rows last.
    pub fn iter(&self) -> impl Iterator<Item = &ModelRow> {
        self.rows.iter()
    }

    /// The rows of one provider.
    pub fn of_provider(&self, provider: &str) -> impl Iterator<Item = &ModelRow> {
        self.iter().filter(move |row| *row.provider == *provider)
    }

    /// The row that has this id or alias.
    fn exact(&self, provider: &str, name: &str) -> Option<&ModelRow> {
        let &place = self.index.get(provider)?.get(name)?;
        self.rows.get(place)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes in what a text said; what is wrong with it is returned.
    fn take(&mut self, parsed: Parsed, file: &Arc<str>) -> Vec<CatalogError> {
        let mut errors = parsed.errors;
        self.families.extend(parsed.families);
        for wrapping in parsed.wrappings {
            self.wrap(wrapping);
        }
        for (line, row) in parsed.rows {
            let place = self.rows.len();
            self.rows.push(row);
            for id in self.index_row(place) {
                let provider = self.rows[place].provider.to_string();
                errors.push(CatalogError {
                    file: Arc::clone(file),
                    line,
                    problem: Problem::Duplicate { provider, id },
                });
            }
        }
        errors.sort_by_key(|error| error.line);
        errors
    }

    fn wrap(&mut self, wrapping: Wrapping) {
        let known = self
            .wrappings
            .entry(Arc::clone(&wrapping.provider))
            .or_insert_with(|| Wrapping {
                provider: Arc::clone(&wrapping.provider),
                prefixes: Vec::new(),
                suffixes: Vec::new(),
            });
        known.prefixes.extend(wrapping.prefixes);
        known.suffixes.extend(wrapping.suffixes);
    }

    /// Makes a row findable; returns the names that another row had.
    fn index_row(&mut self, place: usize) -> Vec<String> {
        let Some(row) = self.rows.get(place) else {
            return Vec::new();
        };
        let ids = self.index.entry(Arc::clone(&row.provider)).or_default();
        std::iter::once(&row.id)
            .chain(&row.aliases)
            .filter(|name| ids.insert((*name).clone(), place).is_some())
            .cloned()
            .collect()
    }

    fn resolve(&mut self) {
        for row in &mut self.rows {
            row.resolve(&family::inherited(&self.families, &row.provider, &row.id));
        }
    }
}

#[cfg(test)]
mod tests;
