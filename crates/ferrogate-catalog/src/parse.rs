//! The text format of a catalog.
//!
//! A line is a row of words; an indented line continues the row above it; `#` at the start of a word begins a comment.
//! `docs/model-catalog.md` describes the words.

mod attributes;
mod statement;

use std::sync::Arc;

use ferrogate_types::Price;

use self::attributes::{attribute, words_of};
use self::statement::{Statement, Word, statements};
use crate::family::{EVERYWHERE, Family};
use crate::identity::Wrapping;
use crate::said::Said;
use crate::{Capabilities, CatalogError, Date, Lifecycle, Mode, ModelRow, Prices, Problem, Tier};

/// What a text says, before any of it is joined.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The rows, each with its line.
    pub(crate) rows: Vec<(usize, ModelRow)>,
    pub(crate) families: Vec<Family>,
    pub(crate) wrappings: Vec<Wrapping>,
    pub(crate) errors: Vec<CatalogError>,
}

/// Reads a text; every problem of it is reported.
pub(crate) fn parse(text: &str, file: &Arc<str>) -> Parsed {
    let mut reader = Reader::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for statement in statements(text) {
        if let Err((line, problem)) = statement.and_then(|statement| reader.read(&statement)) {
            reader.parsed.errors.push(CatalogError {
                file: Arc::clone(file),
                line,
                problem,
            });
        }
    }
    reader.parsed
}

/// A problem and its line.
type Refusal = (usize, Problem);

#[derive(Default)]
struct Reader {
    parsed: Parsed,
    provider: Option<Arc<str>>,
    source: Option<Arc<str>>,
    as_of: Option<Date>,
}

impl Reader {
    fn read(&mut self, statement: &Statement<'_>) -> Result<(), Refusal> {
        let &Statement { head, ref rest } = statement;
        match head.text {
            "provider" => {
                let name = one(head, rest, "the provider's key")?;
                self.provider = Some(name.text.into());
                self.source = None;
                self.as_of = None;
            }
            "source" => {
                self.provider(head)?;
                self.source = Some(one(head, rest, "a page's address")?.text.into());
            }
            "as_of" => {
                self.provider(head)?;
                self.as_of = Some(date(one(head, rest, "a date")?)?);
            }
            "prefix" | "suffix" => {
                let provider = self.provider(head)?;
                let texts = rest.iter().map(|word| word.text.to_owned()).collect();
                let (prefixes, suffixes) = if head.text == "prefix" {
                    (texts, Vec::new())
                } else {
                    (Vec::new(), texts)
                };
                self.parsed.wrappings.push(Wrapping {
                    provider,
                    prefixes,
                    suffixes,
                });
            }
            "family" => {
                let provider = self.provider(head)?;
                let [pattern, keys @ ..] = rest.as_slice() else {
                    return Err((head.line, Problem::Missing("a pattern of ids")));
                };
                let mut said = Said::default();
                let mut seen = Vec::new();
                for &word in keys {
                    let (key, value) = pair(word, &mut seen)?;
                    if !nature(&mut said, key, value)? {
                        return Err((word.line, Problem::UnknownKey(key.text.to_owned())));
                    }
                }
                let family = Family::new(provider, pattern.text, said);
                self.parsed.families.push(family);
            }
            "model" => {
                let row = self.model(head, rest)?;
                self.parsed.rows.push((head.line, row));
            }
            other => return Err((head.line, Problem::UnknownDirective(other.to_owned()))),
        }
        Ok(())
    }

    fn provider(&self, head: Word<'_>) -> Result<Arc<str>, Refusal> {
        self.provider
            .clone()
            .ok_or((head.line, Problem::NoProvider))
    }

    fn model(&self, head: Word<'_>, rest: &[Word<'_>]) -> Result<ModelRow, Refusal> {
        let provider = self.provider(head)?;
        if *provider == *EVERYWHERE {
            return Err((head.line, Problem::Everywhere));
        }
        let [id, mode, keys @ ..] = rest else {
            return Err((head.line, Problem::Missing("a model's id and its mode")));
        };
        let mut row = ModelRow {
            provider,
            id: id.text.to_owned(),
            aliases: Vec::new(),
            dated: false,
            mode: attribute(*mode, "mode", Mode::named, Mode::ALL, Mode::as_str)?,
            capabilities: Capabilities::NONE,
            context_window: None,
            max_output_tokens: None,
            thinking: ferrogate_llm::ThinkingStyle::default(),
            efforts: ferrogate_llm::Efforts::UNKNOWN,
            prices: Prices::default(),
            lifecycle: Lifecycle::default(),
            source: self.source.clone(),
            as_of: self.as_of,
            said: Said::default(),
            resolved: Said::default(),
        };
        let mut factors: Vec<(Tier, Price)> = Vec::new();
        let mut seen = Vec::new();
        for &word in keys {
            if word.text == "dated" {
                row.dated = true;
                continue;
            }
            let (key, value) = pair(word, &mut seen)?;
            match key.text {
                "alias" => row
                    .aliases
                    .extend(words_of(value).map(|w| w.text.to_owned())),
                "source" => row.source = Some(value.text.into()),
                "as_of" => row.as_of = Some(date(value)?),
                "status" => {
                    row.lifecycle.status = attributes::status(value)?;
                }
                "deprecated" => row.lifecycle.deprecated = Some(date(value)?),
                "sunset" => row.lifecycle.sunset = Some(date(value)?),
                "successor" => row.lifecycle.successor = Some(value.text.to_owned()),
                _ => {
                    if nature(&mut row.said, key, value)? {
                        continue;
                    }
                    if let Some(factor) = attributes::factor(key, value)? {
                        factors.push(factor);
                        continue;
                    }
                    let quote = attributes::quote(key, value)?;
                    if !row.prices.add(quote) {
                        return Err((key.line, Problem::Twice(key.text.to_owned())));
                    }
                }
            }
        }
        for (tier, factor) in factors {
            row.prices.scale(tier, factor);
        }
        Ok(row)
    }
}

/// Reads a key that both rows and families have; false when it is none.
fn nature(said: &mut Said, key: Word<'_>, value: Word<'_>) -> Result<bool, Refusal> {
    match key.text {
        "context" => said.context_window = Some(attributes::number(value)?),
        "output" => said.max_output_tokens = Some(attributes::number(value)?),
        "min_budget" => said.min_thinking_budget = Some(attributes::number(value)?),
        "thinking" => said.thinking = Some(attributes::thinking(value)?),
        "efforts" => said.efforts = Some(attributes::efforts(value)?),
        "can" => said.can = attributes::capabilities(value)?,
        "no" => said.cannot = attributes::capabilities(value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Cuts `key=value`; each key stands once.
fn pair<'t>(word: Word<'t>, seen: &mut Vec<&'t str>) -> Result<(Word<'t>, Word<'t>), Refusal> {
    let (key, value) = word
        .text
        .split_once('=')
        .filter(|(_, value)| !value.is_empty())
        .ok_or_else(|| (word.line, Problem::NoValue(word.text.to_owned())))?;
    if seen.contains(&key) {
        return Err((word.line, Problem::Twice(key.to_owned())));
    }
    seen.push(key);
    let at = |text| Word {
        line: word.line,
        text,
    };
    Ok((at(key), at(value)))
}

/// The only word of a line.
fn one<'t>(head: Word<'t>, rest: &[Word<'t>], what: &'static str) -> Result<Word<'t>, Refusal> {
    match rest {
        [] => Err((head.line, Problem::Missing(what))),
        [word] => Ok(*word),
        [_, more, ..] => Err((more.line, Problem::TooMuch(more.text.to_owned()))),
    }
}

fn date(word: Word<'_>) -> Result<Date, Refusal> {
    word.text
        .parse()
        .map_err(|_| (word.line, Problem::Date(word.text.to_owned())))
}

#[cfg(test)]
mod tests;
