//! Templates made ready to be filled in.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use ferrogate_types::{Part, Placeholder, SystemFact, Template};

use crate::compile::Compiler;
use crate::escape::target_text;
use crate::path::split_target;
use crate::placeholder::{View, write_value};
use crate::time::TimeForm;

/// What becomes of a placeholder that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It stays in the text.
    Keep,
    /// It becomes empty.
    Empty,
}

/// A template whose load-time values are filled in; usually that leaves one fixed text.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pieces: Box<[Piece]>,
    unknown: Unknown,
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Itself.
    Literal(Box<str>),
    /// A value of the request.
    Value(Placeholder),
    /// What a `map` sets, by the name of the destination.
    Mapped(Box<str>),
    /// The path in escaped form.
    RawPath,
    /// The moment of asking.
    Time(TimeForm, fn() -> SystemTime),
    /// Whether the process is going down.
    ShuttingDown(Arc<AtomicBool>),
}

impl Text {
    /// Compiles a template.
    pub(crate) fn compile(
        template: &Template,
        unknown: Unknown,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        Self::from_parts(template.parts(), unknown, compiler)
    }

    /// Compiles the parts of a template.
    pub(crate) fn from_parts(
        parts: &[Part],
        unknown: Unknown,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let pieces = parts.iter().map(|part| match part {
            Part::Literal(text) => Piece::Literal(text.as_str().into()),
            Part::Placeholder(placeholder) => Piece::compile(placeholder, unknown, compiler),
        });
        Self::from_pieces(pieces, unknown)
    }

    /// Compiles the replacement of a regular expression, in which `${1}` is a group and no placeholder; what else is
    /// unknown becomes empty.
    pub(crate) fn compile_replacement(template: &Template, compiler: &mut Compiler<'_>) -> Self {
        let mut after_dollar = false;
        let pieces = template.parts().iter().map(|part| match part {
            Part::Literal(text) => {
                after_dollar = text.ends_with('$');
                Piece::Literal(text.as_str().into())
            }
            Part::Placeholder(placeholder) => {
                let unknown = if std::mem::take(&mut after_dollar) {
                    Unknown::Keep
                } else {
                    Unknown::Empty
                };
                Piece::compile(placeholder, unknown, compiler)
            }
        });
        Self::from_pieces(pieces, Unknown::Empty)
    }

    /// Joins pieces; neighbouring literals become one.
    pub(crate) fn from_pieces(pieces: impl IntoIterator<Item = Piece>, unknown: Unknown) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Literal(before)), Piece::Literal(text)) => {
                    *before = format!("{before}{text}").into();
                }
                (_, piece) => joined.push(piece),
            }
        }
        joined.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
        Self {
            pieces: joined.into(),
            unknown,
        }
    }

    /// The text, when no request can change it.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for a request.
    pub(crate) fn render<'a>(&'a self, view: &View<'_>) -> Cow<'a, str> {
        if let Some(text) = self.fixed() {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        for piece in &self.pieces {
            piece.write(view, self.unknown, &mut out);
        }
        Cow::Owned(out)
    }

    /// The text as the replacement of a regular expression: `$1` means a group where the configuration wrote it, and
    /// never where a value of the request brought it.
    pub(crate) fn render_replacement<'a>(&'a self, view: &View<'_>) -> Cow<'a, str> {
        if let Some(text) = self.fixed() {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        for piece in &self.pieces {
            let from = out.len();
            piece.write(view, self.unknown, &mut out);
            if !matches!(piece, Piece::Literal(_)) {
                let value = out.split_off(from);
                out.push_str(&value.replace('$', "$$"));
            }
        }
        Cow::Owned(out)
    }
}

impl Piece {
    /// Compiles a placeholder; what is known at load becomes a literal.
    pub(crate) fn compile(
        placeholder: &Placeholder,
        unknown: Unknown,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        match placeholder {
            Placeholder::Env(name) => {
                Self::Literal((compiler.context().env)(name).unwrap_or_default().into())
            }
            Placeholder::File(path) => Self::Literal(compiler.file(path).into()),
            Placeholder::SystemHostname => Self::Literal(compiler.context().hostname.into()),
            Placeholder::System(fact) => Self::Literal(system(*fact, compiler).into()),
            Placeholder::TimeNow => Self::Time(TimeForm::Full, compiler.context().now),
            Placeholder::TimeYear => Self::Time(TimeForm::Year, compiler.context().now),
            Placeholder::TimeCommonLog => Self::Time(TimeForm::CommonLog, compiler.context().now),
            Placeholder::TimeUnix => Self::Time(TimeForm::Unix, compiler.context().now),
            Placeholder::TimeUnixMs => Self::Time(TimeForm::UnixMs, compiler.context().now),
            Placeholder::TimeHttp => Self::Time(TimeForm::Http, compiler.context().now),
            Placeholder::ShuttingDown => {
                Self::ShuttingDown(Arc::clone(&compiler.context().shutting_down))
            }
            Placeholder::Unknown(name) if compiler.is_mapped(name) => {
                Self::Mapped(name.as_str().into())
            }
            Placeholder::Unknown(name) if unknown == Unknown::Keep => {
                Self::Literal(format!("{{{name}}}").into())
            }
            Placeholder::Unknown(_) => Self::Literal("".into()),
            Placeholder::UpstreamHeader(field) => {
                compiler.wants_upstream_field(field);
                Self::Value(placeholder.clone())
            }
            _ => Self::Value(placeholder.clone()),
        }
    }

    /// Appends the value for a request; `false` when the placeholder means nothing for it.
    pub(crate) fn write(&self, view: &View<'_>, unknown: Unknown, out: &mut String) -> bool {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Value(placeholder) => {
                if !write_value(placeholder, view, out) {
                    if unknown == Unknown::Keep {
                        out.push('{');
                        out.push_str(&placeholder.long_name());
                        out.push('}');
                    }
                    return false;
                }
            }
            Self::Mapped(name) => {
                let mut maps = view.exchange.maps().iter();
                let Some(value) = maps.find_map(|map| map.value(name, view)) else {
                    if unknown == Unknown::Keep {
                        out.push('{');
                        out.push_str(name);
                        out.push('}');
                    }
                    return false;
                };
                // Writing to a string cannot fail.
                let _infallible = write!(out, "{value}");
            }
            Self::RawPath => out.push_str(&target_text(split_target(view.head.path_and_query()).0)),
            Self::Time(form, now) => out.push_str(&form.format(now())),
            Self::ShuttingDown(flag) => out.push_str(if flag.load(Ordering::Relaxed) {
                "true"
            } else {
                "false"
            }),
        }
        true
    }
}

/// A fact of the machine; system and processor as Go calls them, which is what Caddyfiles compare with.
fn system(fact: SystemFact, compiler: &Compiler<'_>) -> String {
    match fact {
        SystemFact::Slash => std::path::MAIN_SEPARATOR.to_string(),
        SystemFact::Os => match std::env::consts::OS {
            "macos" => "darwin".to_owned(),
            os => os.to_owned(),
        },
        SystemFact::Arch => match std::env::consts::ARCH {
            "x86_64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            arch => arch.to_owned(),
        },
        SystemFact::WorkingDirectory => compiler.context().directory.to_owned(),
    }
}
