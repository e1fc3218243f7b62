//! `order`: the places of directives, changed.

use super::context::Cx;
use super::directives::{self, DIRECTIVES, Leading};
use super::line::Line;
use super::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// The place of every directive in the order of effect.
pub(crate) struct Order {
    /// Indices of directives, first come first.
    sequence: Vec<usize>,
    /// The inverse: by index, the place.
    places: Vec<usize>,
}

impl Default for Order {
    fn default() -> Self {
        let sequence: Vec<usize> = (0..DIRECTIVES.len()).collect();
        Self {
            places: sequence.clone(),
            sequence,
        }
    }
}

impl Order {
    /// The place of a directive; `handle_path` has that of `handle`.
    pub(crate) fn slot(&self, index: usize) -> usize {
        let index = directives::family(index);
        self.places.get(index).copied().unwrap_or(index)
    }

    /// Takes a directive out and puts it to another place.
    fn put(&mut self, index: usize, to: To) {
        self.sequence.retain(|other| *other != index);
        let of = |other: usize| self.sequence.iter().position(|index| *index == other);
        let at = match to {
            To::First => Some(0),
            To::Last => None,
            To::Before(other) => of(other),
            To::After(other) => of(other).map(|at| at + 1),
        };
        self.sequence
            .insert(at.unwrap_or(self.sequence.len()), index);
        for (place, index) in self.sequence.iter().enumerate() {
            if let Some(slot) = self.places.get_mut(*index) {
                *slot = place;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum To {
    First,
    Last,
    Before(usize),
    After(usize),
}

/// Reads `order DIRECTIVE first|last|before OTHER|after OTHER`.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) {
    let Some(args) = line.list(cx, 2..=3) else {
        return;
    };
    let Some(index) = args.first().and_then(|word| directive(cx, word)) else {
        return;
    };
    let to = match args {
        [_, place] if place.is_word("first") => To::First,
        [_, place] if place.is_word("last") => To::Last,
        [_, place, other] if place.is_word("before") || place.is_word("after") => {
            let Some(other_index) = directive(cx, other) else {
                return;
            };
            if other_index == index {
                cx.say(
                    other.at,
                    Diagnostic::error("order", "a directive has no place beside itself")
                        .label("name another directive"),
                );
                return;
            }
            if place.is_word("before") {
                To::Before(other_index)
            } else {
                To::After(other_index)
            }
        }
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error("order", "this is not a place in the order of directives")
                    .label("expected `first`, `last`, `before OTHER` or `after OTHER`")
                    .hint(line.syntax()),
            );
            return;
        }
    };
    cx.order.put(index, to);
}

/// The index of a directive that has a place.
fn directive(cx: &mut Cx<'_>, word: &Token) -> Option<usize> {
    let found = DIRECTIVES
        .iter()
        .position(|directive| *directive.row.name == *word.text);
    let ordered = found.filter(|&index| {
        DIRECTIVES
            .get(index)
            .is_some_and(|directive| directive.leading != Leading::SiteOnly)
    });
    if let Some(index) = ordered {
        return Some(directives::family(index));
    }
    let shown = cx.shown(word);
    let diagnostic = if found.is_some() {
        Diagnostic::error("order", format!("`{shown}` has no place in the order"))
            .label("not a directive that handles requests")
    } else {
        let names = DIRECTIVES.iter().map(|directive| directive.row.name);
        Diagnostic::error("unknown-directive", format!("unknown directive `{shown}`"))
            .label("cannot be put in order")
            .hint(did_you_mean(&shown, names))
    };
    cx.say(word.at, diagnostic);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> usize {
        DIRECTIVES
            .iter()
            .position(|directive| directive.row.name == name)
            .unwrap()
    }

    #[test]
    fn directives_move() {
        let mut order = Order::default();
        let (handle, respond) = (index("handle"), index("respond"));
        assert!(order.slot(handle) < order.slot(respond));
        order.put(respond, To::First);
        assert_eq!(order.slot(respond), 0);
        order.put(respond, To::After(handle));
        assert_eq!(order.slot(respond), order.slot(handle) + 1);
        order.put(handle, To::Last);
        assert!(order.slot(index("handle_path")) > order.slot(index("file_server")));
        order.put(handle, To::Before(respond));
        assert_eq!(order.slot(handle) + 1, order.slot(respond));
    }
}
