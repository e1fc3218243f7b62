//! `{args[i]}`, `{block}`: what an import line gives to the words it brings in.

use std::ops::Range;
use std::sync::Arc;

use crate::caddyfile::lexer::Quote;
use crate::caddyfile::syntax::{ImportId, Place, Token};

/// What stands on an import line after the name.
pub(crate) struct Substitution<'a> {
    /// The arguments.
    pub(crate) args: &'a [Token],
    /// What stands in the block of the line; `None` without a block.
    pub(crate) block: Option<&'a [Token]>,
    /// The site that the words belong to from now on.
    pub(crate) import: ImportId,
    /// How many bytes of text the words may still add up to; reduced as they are made.
    pub(crate) budget: &'a mut usize,
    /// How many words the import may come to.
    pub(crate) words: usize,
    /// Gives the words of a block a site of their own, so that two copies never share a line.
    pub(crate) enter_block: &'a mut dyn FnMut(Place) -> Option<ImportId>,
}

/// A placeholder of an import that stands for nothing, or text beyond the budget.
pub(crate) enum Problem {
    /// An argument that was not given, or a malformed index.
    NoSuchArgument(Place, String),
    /// The text has become too long.
    TooLarge(Place),
}

/// Copies words into an import, arguments put in. Definitions of snippets keep their placeholders for the
/// import that will name them.
pub(crate) fn substitute(
    words: &[Token],
    with: &mut Substitution<'_>,
) -> (Vec<Token>, Vec<Problem>) {
    let mut out = Vec::with_capacity(words.len());
    let mut problems = Vec::new();
    let mut depth = 0_usize;
    let mut kept_until = None;
    for (index, word) in words.iter().enumerate() {
        let at = Place {
            import: with.import,
            ..word.at
        };
        if out.len() > with.words {
            problems.push(Problem::TooLarge(at));
            break;
        }
        let mut copy = Token { at, ..word.clone() };
        if word.is_brace("{") {
            depth += 1;
        } else if word.is_brace("}") {
            depth = depth.saturating_sub(1);
            if kept_until == Some(depth) {
                kept_until = None;
            }
        } else if depth == 0 && kept_until.is_none() && defines_snippet(words, index) {
            kept_until = Some(0);
        }
        if kept_until.is_some() || !word.text.contains('{') {
            out.push(copy);
            continue;
        }
        if let Some(inserted) = whole_block(word, with.block) {
            let Some(import) = (with.enter_block)(at) else {
                problems.push(Problem::TooLarge(at));
                break;
            };
            // In the middle of a line, what is put in continues that line.
            let inline = index
                .checked_sub(1)
                .and_then(|index| words.get(index))
                .is_some_and(|last| last.same_line(word));
            let first = inserted.first();
            out.extend(inserted.iter().map(|token| {
                if inline && first.is_some_and(|first| first.same_line(token)) {
                    Token {
                        at,
                        line: word.line,
                        ..token.clone()
                    }
                } else {
                    Token {
                        at: Place { import, ..token.at },
                        ..token.clone()
                    }
                }
            }));
            continue;
        }
        if let Some(range) = word
            .text
            .strip_prefix("{args[")
            .and_then(|rest| rest.strip_suffix("]}"))
            && range.contains(':')
        {
            if let Some(args) = slice(range, with.args.len()).and_then(|range| with.args.get(range))
            {
                out.extend(args.iter().map(|arg| Token {
                    at,
                    line: word.line,
                    ..arg.clone()
                }));
            } else {
                problems.push(Problem::NoSuchArgument(at, word.text.to_string()));
                out.push(Token {
                    expanded: true,
                    ..copy
                });
            }
            continue;
        }
        if let Err(problem) = inside(&mut copy, with) {
            let fatal = matches!(problem, Problem::TooLarge(_));
            problems.push(problem);
            // One complaint is enough: nobody is to ask what this placeholder means.
            copy.expanded = true;
            if fatal {
                break;
            }
        }
        out.push(copy);
    }
    (out, problems)
}

/// `(name) {` at the beginning of a top-level line.
fn defines_snippet(words: &[Token], index: usize) -> bool {
    words.get(index).is_some_and(|word| {
        word.quote == Quote::None && word.text.starts_with('(') && word.text.ends_with(')')
    }) && words.get(index + 1).is_some_and(|next| next.is_brace("{"))
}

/// The words that `{block}` or `{blocks.key}` stand for.
fn whole_block<'a>(word: &Token, block: Option<&'a [Token]>) -> Option<&'a [Token]> {
    if word.quote != Quote::None {
        return None;
    }
    let key = word.text.strip_prefix('{')?.strip_suffix('}')?;
    if key == "block" {
        return Some(block.unwrap_or_default());
    }
    let key = key.strip_prefix("blocks.")?;
    Some(block.map_or(&[], |block| entry(block, key)))
}

/// The arguments and block that follow `key` at the beginning of a line.
fn entry<'a>(block: &'a [Token], key: &str) -> &'a [Token] {
    let mut depth = 0_usize;
    let mut previous: Option<&Token> = None;
    let mut start = None;
    for (index, token) in block.iter().enumerate() {
        let new_line = previous.is_none_or(|previous| !previous.same_line(token));
        if depth == 0 && new_line && !token.is_brace("}") {
            if let Some(start) = start {
                return trim(block.get(start..index).unwrap_or_default());
            }
            if &*token.text == key {
                start = Some(index + 1);
            }
        }
        match token
            .is_brace("{")
            .then_some(1)
            .or(token.is_brace("}").then_some(-1))
        {
            Some(1) => depth += 1,
            Some(_) => depth = depth.saturating_sub(1),
            None => {}
        }
        previous = Some(token);
    }
    trim(
        start
            .and_then(|start| block.get(start..))
            .unwrap_or_default(),
    )
}

/// Takes the braces off when the whole entry is a block.
fn trim(entry: &[Token]) -> &[Token] {
    match entry {
        [open, inner @ .., close] if open.is_brace("{") && close.is_brace("}") => inner,
        _ => entry,
    }
}

/// Replaces `{args[i]}` and `{args.i}` inside one word.
fn inside(token: &mut Token, with: &mut Substitution<'_>) -> Result<(), Problem> {
    let source = Arc::clone(&token.text);
    let mut out = String::new();
    let mut rest: &str = &source;
    let mut whole = None;
    while let Some((before, tail)) = rest.split_once("{args") {
        let Some((index, after)) = tail.split_once('}') else {
            break;
        };
        let index = index
            .strip_prefix('.')
            .or_else(|| index.strip_prefix('[').and_then(|i| i.strip_suffix(']')));
        let Some(index) = index else { break };
        let Some(arg) = index
            .parse::<usize>()
            .ok()
            .and_then(|index| with.args.get(index))
        else {
            return Err(Problem::NoSuchArgument(
                token.at,
                format!("{{args[{index}]}}"),
            ));
        };
        out.push_str(before);
        out.push_str(&arg.text);
        token.expanded |= arg.expanded;
        if before.is_empty() && after.is_empty() && out.len() == arg.text.len() {
            whole = Some(arg);
        }
        *with.budget = with
            .budget
            .checked_sub(before.len() + arg.text.len())
            .ok_or(Problem::TooLarge(token.at))?;
        rest = after;
    }
    if out.is_empty() && rest.len() == source.len() {
        return Ok(());
    }
    out.push_str(rest);
    token.text = out.into();
    token.variable = whole.and_then(|arg| arg.variable.clone());
    // An argument must not become structure.
    if token.is_brace("{") || token.is_brace("}") {
        token.quote = Quote::Double;
    }
    Ok(())
}

/// `a:b` with either end left out.
fn slice(range: &str, len: usize) -> Option<Range<usize>> {
    let (from, to) = range.split_once(':')?;
    let from = if from.is_empty() {
        0
    } else {
        from.parse().ok()?
    };
    let to = if to.is_empty() { len } else { to.parse().ok()? };
    (from <= to && to <= len).then_some(from..to)
}
