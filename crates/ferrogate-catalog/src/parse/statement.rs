//! A row of words.

use super::Refusal;
use crate::Problem;

/// A word and its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    pub(super) line: usize,
    pub(super) text: &'t str,
}

/// The words of a line, and of the indented lines that continue it.
#[derive(Debug)]
pub(super) struct Statement<'t> {
    pub(super) head: Word<'t>,
    pub(super) rest: Vec<Word<'t>>,
}

/// Cuts a text into statements; comments and empty lines are gone.
pub(super) fn statements(text: &str) -> Vec<Result<Statement<'_>, Refusal>> {
    let mut found: Vec<Result<Statement<'_>, Refusal>> = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let mut words = content
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .map(|text| Word { line, text });
        if content.starts_with([' ', '\t']) {
            match found.last_mut() {
                Some(Ok(above)) => above.rest.extend(words),
                None if words.next().is_some() => found.push(Err((line, Problem::Continues))),
                // Nothing to continue and nothing said, or what is wrong is said already.
                Some(Err(_)) | None => {}
            }
        } else if let Some(head) = words.next() {
            found.push(Ok(Statement {
                head,
                rest: words.collect(),
            }));
        }
    }
    found
}
