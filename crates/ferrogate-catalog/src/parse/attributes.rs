//! The value of a key.

use ferrogate_llm::{Efforts, ThinkingStyle, chat::Effort};
use ferrogate_types::Price;

use super::Refusal;
use super::statement::Word;
use crate::{Bucket, Capabilities, Capability, Problem, Quote, Status, Tier};

/// The words of a list with commas.
pub(super) fn words_of(value: Word<'_>) -> impl Iterator<Item = Word<'_>> {
    let line = value.line;
    value.text.split(',').map(move |text| Word { line, text })
}

/// The one of that word, or what may be written.
pub(super) fn attribute<T: Copy>(
    word: Word<'_>,
    what: &'static str,
    named: impl Fn(&str) -> Option<T>,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, Refusal> {
    named(word.text).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|&one| as_str(one)).collect();
        let problem = Problem::UnknownWord {
            what,
            word: word.text.to_owned(),
            known: known.join(", "),
        };
        (word.line, problem)
    })
}

pub(super) fn status(word: Word<'_>) -> Result<Status, Refusal> {
    attribute(word, "status", Status::named, Status::ALL, Status::as_str)
}

pub(super) fn thinking(word: Word<'_>) -> Result<ThinkingStyle, Refusal> {
    attribute(
        word,
        "way of thinking",
        ThinkingStyle::named,
        &ThinkingStyle::ALL,
        ThinkingStyle::as_str,
    )
}

pub(super) fn efforts(value: Word<'_>) -> Result<Efforts, Refusal> {
    words_of(value)
        .map(|word| attribute(word, "effort", Effort::parse, &Effort::ALL, Effort::as_str))
        .collect()
}

pub(super) fn capabilities(value: Word<'_>) -> Result<Capabilities, Refusal> {
    words_of(value)
        .map(|word| {
            attribute(
                word,
                "capability",
                Capability::named,
                Capability::ALL,
                Capability::as_str,
            )
        })
        .collect()
}

/// A whole number above zero.
pub(super) fn number(word: Word<'_>) -> Result<u64, Refusal> {
    word.text
        .parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| (word.line, Problem::Number(word.text.to_owned())))
}

/// `batch=x0.5`: a whole tier at so many times the standard.
pub(super) fn factor(key: Word<'_>, value: Word<'_>) -> Result<Option<(Tier, Price)>, Refusal> {
    let tier = Tier::named(key.text).filter(|&tier| tier != Tier::Standard);
    match (tier, value.text.strip_prefix('x')) {
        (Some(tier), Some(text)) => {
            let text = Word {
                line: value.line,
                text,
            };
            Ok(Some((tier, price(text)?)))
        }
        _ => Ok(None),
    }
}

/// `in=2.5`, `batch:in=1.25`, `in>200000=5`: one price.
pub(super) fn quote(key: Word<'_>, value: Word<'_>) -> Result<Quote, Refusal> {
    let unknown = || (key.line, Problem::UnknownKey(key.text.to_owned()));
    let (tier, rest) = match key.text.split_once(':') {
        Some((tier, rest)) => (
            Tier::named(tier)
                .filter(|&tier| tier != Tier::Standard)
                .ok_or_else(unknown)?,
            rest,
        ),
        None => (Tier::Standard, key.text),
    };
    let (bucket, above) = match rest.split_once('>') {
        Some((bucket, above)) => {
            let line = key.line;
            (bucket, number(Word { line, text: above })?)
        }
        None => (rest, 0),
    };
    Ok(Quote {
        bucket: Bucket::named(bucket).ok_or_else(unknown)?,
        tier,
        above_prompt_tokens: above,
        price: price(value)?,
    })
}

fn price(word: Word<'_>) -> Result<Price, Refusal> {
    word.text.parse().map_err(|error| {
        let text = word.text.to_owned();
        (word.line, Problem::Price { text, error })
    })
}
