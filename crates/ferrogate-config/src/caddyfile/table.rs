//! Rows of names: what may stand in a block, and what reads it.
//!
//! Every kind of block has one table. It drives reading, suggestions for misspelt names, refusals by name, and
//! the reference page.

use super::context::Cx;
use super::directives;
use super::line::Line;
use super::syntax::{Block, Segment};
use crate::diagnostic::Diagnostic;
use crate::suggest::nearest;

/// How many names a hint may list.
const MAX_LISTED: usize = 30;

/// A name that may stand at the beginning of a line; `S` is what its line changes.
pub(crate) struct Row<S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) syntax: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) run: Run<S>,
    /// May stand in one block more than once; of others the last line counts.
    pub(crate) many: bool,
}

/// What a name does.
pub(crate) enum Run<S: 'static> {
    /// Reads the line.
    Do(fn(&mut Cx<'_>, &Line<'_>, &mut S)),
    /// Known, and not there yet; with what to use instead, if anything.
    Later(&'static str),
    /// Known, and never coming; with the reason, and what to write instead, if anything.
    Never(&'static str, &'static str),
}

impl<S> Row<S> {
    /// A name that works.
    pub(crate) const fn new(
        name: &'static str,
        syntax: &'static str,
        doc: &'static str,
        run: fn(&mut Cx<'_>, &Line<'_>, &mut S),
    ) -> Self {
        Self {
            name,
            syntax,
            doc,
            run: Run::Do(run),
            many: false,
        }
    }

    /// A name that works, and may stand in one block more than once.
    pub(crate) const fn many(
        name: &'static str,
        syntax: &'static str,
        doc: &'static str,
        run: fn(&mut Cx<'_>, &Line<'_>, &mut S),
    ) -> Self {
        Self {
            name,
            syntax,
            doc,
            run: Run::Do(run),
            many: true,
        }
    }

    /// A name that is not there yet.
    pub(crate) const fn later(name: &'static str, instead: &'static str) -> Self {
        Self {
            name,
            syntax: "",
            doc: "",
            run: Run::Later(instead),
            many: true,
        }
    }

    /// A name that is never coming.
    pub(crate) const fn never(name: &'static str, reason: &'static str) -> Self {
        Self {
            name,
            syntax: "",
            doc: "",
            run: Run::Never(reason, ""),
            many: true,
        }
    }

    /// A name that is never coming, and what to write instead.
    pub(crate) const fn instead(
        name: &'static str,
        reason: &'static str,
        instead: &'static str,
    ) -> Self {
        Self {
            run: Run::Never(reason, instead),
            ..Self::never(name, reason)
        }
    }
}

/// A kind of block, for messages: `("option", "in a provider")`.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// What its names are: `directive`, `subdirective`, `option`.
    pub(crate) noun: &'static str,
    /// Where they stand: `in reverse_proxy`.
    pub(crate) place: &'static str,
}

impl Cx<'_> {
    /// Reads every line of a block by a table.
    pub(crate) fn run_block<S>(
        &mut self,
        block: &Block,
        kind: Kind,
        table: &'static [Row<S>],
        state: &mut S,
    ) {
        let mut seen: Vec<(&'static str, &Segment)> = Vec::new();
        for segment in &block.segments {
            let Some(row) = table.iter().find(|row| segment.name.is_word(row.name)) else {
                self.unknown(
                    segment,
                    kind,
                    table
                        .iter()
                        .map(|row| (row.name, matches!(row.run, Run::Do(_)))),
                );
                continue;
            };
            if !row.many {
                if let Some((_, first)) = seen.iter().find(|(name, _)| *name == row.name) {
                    self.say(
                        segment.name.at,
                        Diagnostic::warning("repeated", format!("`{}` is written twice", row.name))
                            .label("this one counts")
                            .also(first.name.at.span, "this one is overridden"),
                    );
                } else {
                    seen.push((row.name, segment));
                }
            }
            self.run_row(row, kind, segment, state);
        }
    }

    /// Reads one line by its row.
    pub(crate) fn run_row<S>(
        &mut self,
        row: &Row<S>,
        kind: Kind,
        segment: &Segment,
        state: &mut S,
    ) {
        match row.run {
            Run::Do(run) => run(self, &Line::of(segment, row.syntax), state),
            Run::Later(_) | Run::Never(..) => self.refuse(row, kind, segment),
        }
    }

    /// Refuses a known name.
    pub(crate) fn refuse<S>(&mut self, row: &Row<S>, kind: Kind, segment: &Segment) {
        let noun = kind.noun;
        let diagnostic = match row.run {
            Run::Do(_) => return,
            Run::Later(instead) => Diagnostic::error(
                "not-available",
                format!("{noun} `{}` is not available yet", row.name),
            )
            .label("not available yet")
            .hint(instead),
            Run::Never(reason, instead) => Diagnostic::error(
                "not-supported",
                format!("{noun} `{}` is not supported", row.name),
            )
            .label(reason)
            .hint(instead),
        };
        self.say(segment.name.at, diagnostic);
    }

    /// Refuses an unknown name; `names` says of each known one whether it works.
    pub(crate) fn unknown(
        &mut self,
        segment: &Segment,
        kind: Kind,
        names: impl Iterator<Item = (&'static str, bool)> + Clone,
    ) {
        if self.report.is_full() {
            // Only counted, so that looking for the nearest name would be in vain.
            let unknown = Diagnostic::error("unknown-option", "a name is not known");
            return self.say(segment.name.at, unknown);
        }
        let name = self.shown(&segment.name);
        let hint = if let Some(near) = nearest(&name, names.clone().map(|(name, _)| name)) {
            format!("did you mean `{near}`?")
        } else if kind.noun != "directive" && directives::is_name(&name) {
            format!("`{name}` is a directive: it stands in a site")
        } else {
            let known: Vec<String> = names
                .filter(|(_, works)| *works)
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            if known.len() > MAX_LISTED {
                format!("the reference page lists the {}s", kind.noun)
            } else {
                format!("known here: {}", known.join(", "))
            }
        };
        let code = if kind.noun == "directive" {
            "unknown-directive"
        } else {
            "unknown-option"
        };
        self.say(
            segment.name.at,
            Diagnostic::error(code, format!("unknown {} `{name}`", kind.noun))
                .label(format!("not a name that may stand {}", kind.place))
                .hint(hint),
        );
    }
}
