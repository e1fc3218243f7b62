//! The `rewrite` directive.

use ferrogate_types::{Part, Placeholder, Template};

use crate::compile::Compiler;
use crate::escape::{decode, encode_component, encode_path, repair_query, target_text};
use crate::path::split_target;
use crate::placeholder::View;
use crate::text::{Piece, Text, Unknown};

/// A compiled target: the parts that are present replace those of the request.
///
/// Values of the request cannot reach beyond their part, with the exceptions Caddy makes: a `?` in a value of
/// the path starts the query if the target has none, and `{query}` in place of a key is inserted as it is.
#[derive(Debug)]
pub(crate) struct Rewrite {
    path: Option<Text>,
    query: Option<Box<[Component]>>,
}

/// A key or a value of the query.
#[derive(Debug, Default)]
struct Component {
    /// Stands after `=`.
    is_value: bool,
    pieces: Vec<Piece>,
}

/// The part of the target a template's text stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Fragment,
}

impl Rewrite {
    /// Compiles a target.
    pub(crate) fn compile(to: &Template, compiler: &mut Compiler<'_>) -> Self {
        Self::from_parts(to.parts(), compiler)
    }

    /// Compiles the parts of a target.
    pub(crate) fn from_parts(parts: &[Part], compiler: &mut Compiler<'_>) -> Self {
        let mut place = Place::Path;
        let mut path: Vec<Piece> = Vec::new();
        let mut query: Option<Vec<Component>> = None;
        for part in parts {
            match part {
                Part::Literal(text) => {
                    for character in text.chars() {
                        match (place, character) {
                            (Place::Path | Place::Query, '#') => place = Place::Fragment,
                            (Place::Path, '?') => {
                                place = Place::Query;
                                query = Some(vec![Component::default()]);
                            }
                            (Place::Path, _) => push_literal(&mut path, character),
                            (Place::Query, _) => {
                                push_query(query.get_or_insert_default(), character);
                            }
                            // A fragment is never sent.
                            (Place::Fragment, _) => {}
                        }
                    }
                }
                Part::Placeholder(Placeholder::Path) if place == Place::Path => {
                    path.push(Piece::RawPath);
                }
                Part::Placeholder(placeholder) => {
                    let piece = Piece::compile(placeholder, Unknown::Empty, compiler);
                    match place {
                        Place::Path => path.push(piece),
                        Place::Query => {
                            let components = query.get_or_insert_default();
                            if let Some(component) = components.last_mut() {
                                component.pieces.push(encoded(piece));
                            }
                        }
                        Place::Fragment => {}
                    }
                }
            }
        }
        let path = (!path.is_empty()).then(|| Text::from_pieces(path, Unknown::Empty));
        Self {
            path,
            query: query.map(Into::into),
        }
    }

    /// The new query alone, where the target brings one.
    pub(crate) fn query(&self, view: &View<'_>) -> Option<String> {
        self.query
            .as_ref()
            .map(|components| write_query(components, view))
    }

    /// The new target.
    pub(crate) fn target(&self, view: &View<'_>) -> String {
        let (raw_path, raw_query) = split_target(view.head.path_and_query());
        let mut injected = None;
        let mut target = match &self.path {
            Some(text) => {
                let rendered = text.render(view);
                let (path, query) = split_target(rendered.as_bytes());
                injected = query.map(repair_query);
                rooted(encode_path(&decode(path)))
            }
            None => target_text(raw_path).into_owned(),
        };
        let query = match &self.query {
            Some(components) => write_query(components, view),
            None => {
                injected.unwrap_or_else(|| target_text(raw_query.unwrap_or_default()).into_owned())
            }
        };
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        target
    }
}

/// A path with a slash in front; without one the upstream would refuse the request.
pub(crate) fn rooted(mut path: String) -> String {
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    path
}

fn push_literal(pieces: &mut Vec<Piece>, character: char) {
    if let Some(Piece::Literal(text)) = pieces.last_mut() {
        *text = format!("{text}{character}").into();
    } else {
        pieces.push(Piece::Literal(character.to_string().into()));
    }
}

fn push_query(components: &mut Vec<Component>, character: char) {
    let in_value = components
        .last()
        .is_some_and(|component| component.is_value);
    match character {
        '&' => components.push(Component::default()),
        '=' if !in_value => components.push(Component {
            is_value: true,
            pieces: Vec::new(),
        }),
        _ => {
            if let Some(component) = components.last_mut() {
                push_literal(&mut component.pieces, character);
            }
        }
    }
}

/// A value known at load is escaped like any other value; what the configuration wrote itself is not.
fn encoded(piece: Piece) -> Piece {
    match piece {
        Piece::Literal(value) => {
            let mut text = String::new();
            encode_component(value.as_bytes(), &mut text);
            Piece::Literal(text.into())
        }
        piece => piece,
    }
}

fn write_query(components: &[Component], view: &View<'_>) -> String {
    let mut query = String::new();
    for component in components {
        let mut text = String::new();
        for piece in &component.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(&repair_query(literal.as_bytes())),
                Piece::Value(Placeholder::Query) if !component.is_value => {
                    piece.write(view, Unknown::Empty, &mut text);
                }
                piece => {
                    let mut value = String::new();
                    piece.write(view, Unknown::Empty, &mut value);
                    encode_component(value.as_bytes(), &mut text);
                }
            }
        }
        if component.is_value {
            query.push('=');
        } else if !query.is_empty() && !text.is_empty() {
            query.push('&');
        }
        query.push_str(&text);
    }
    query
}

#[cfg(test)]
mod tests;
