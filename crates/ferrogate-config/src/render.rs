//! A report as text or JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity};
use crate::report::Report;
use crate::source::{FileId, Sources, Span};

/// Adds a line to a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        $out.push_str(&format!("{}\n", format_args!($($arg)*)))
    };
}

/// Lines longer than this are shown around the marked place only.
const MAX_WIDTH: usize = 160;
/// So much of a line on each side of a place is looked at, in bytes.
const MAX_BYTES: usize = 4 << 10;

/// Writes every problem like this:
///
/// ```text
/// error[unknown-directive]: unknown directive `reverse_prox`
///   --> Caddyfile:4:5
/// 4 |     reverse_prox api:8080
///   |     ^^^^^^^^^^^^ not a directive of a site block
///   = hint: did you mean `reverse_proxy`?
/// ```
pub(crate) fn text(report: &Report, color: bool) -> String {
    let mut out = String::new();
    for diagnostic in report.diagnostics() {
        if !out.is_empty() {
            out.push('\n');
        }
        Excerpt {
            report,
            color,
            out: &mut out,
        }
        .diagnostic(diagnostic);
    }
    if report.dropped() > 0 {
        put!(out, "\n... and {} more", report.dropped());
    }
    out
}

/// The same as one JSON document.
pub(crate) fn json(report: &Report) -> Value {
    let sources = report.sources();
    let place = |span: Span| {
        let (start, end) = (sources.position(span), sources.end_position(span));
        json!({
            "file": sources.name(span.file),
            "line": start.line,
            "column": start.column,
            "end_line": end.line,
            "end_column": end.column,
        })
    };
    let diagnostics: Vec<Value> = report
        .diagnostics()
        .iter()
        .map(|d| {
            json!({
                "severity": d.severity.as_str(),
                "code": d.code,
                "message": d.message,
                "place": d.primary.map(place),
                "label": d.label,
                "related": d.secondary.iter().map(|(span, label)| json!({ "place": place(*span), "label": label })).collect::<Vec<_>>(),
                "hints": d.hints,
                "import_chain": d.import_chain.iter().map(|frame| json!({ "place": place(frame.span), "import": frame.name })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "ok": report.is_ok(),
        "runnable": report.is_runnable(),
        "errors": report.error_count(),
        "warnings": report.warnings().count(),
        "diagnostics": diagnostics,
    })
}

struct Excerpt<'a> {
    report: &'a Report,
    color: bool,
    out: &'a mut String,
}

/// A label under one line of source.
struct Mark<'a> {
    span: Span,
    text: &'a str,
    primary: bool,
}

impl Excerpt<'_> {
    fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        let paint = match diagnostic.severity {
            Severity::Error => "1;31",
            Severity::Unavailable => "1;35",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        let head = self.paint(
            paint,
            &format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.code),
        );
        put!(self.out, "{head}: {}", printable(&diagnostic.message));
        let gutter = self.gutter(diagnostic);
        if let Some(span) = diagnostic.primary {
            let mut files: Vec<(FileId, Vec<Mark<'_>>)> = vec![(
                span.file,
                vec![Mark {
                    span,
                    text: &diagnostic.label,
                    primary: true,
                }],
            )];
            for (span, text) in &diagnostic.secondary {
                let mark = Mark {
                    span: *span,
                    text,
                    primary: false,
                };
                match files.iter_mut().find(|(file, _)| *file == span.file) {
                    Some((_, marks)) => marks.push(mark),
                    None => files.push((span.file, vec![mark])),
                }
            }
            for (index, (file, marks)) in files.into_iter().enumerate() {
                self.file(
                    file,
                    &marks,
                    if index == 0 { "-->" } else { ":::" },
                    gutter,
                    paint,
                );
            }
        }
        for hint in &diagnostic.hints {
            put!(self.out, "{:gutter$} = hint: {}", "", printable(hint));
        }
        for frame in diagnostic.import_chain.iter().rev() {
            let position = self.sources().position(frame.span);
            let name = self.sources().name(frame.span.file).to_owned();
            put!(
                self.out,
                "{:gutter$} = imported at {name}:{}:{} (import {})",
                "",
                position.line,
                position.column,
                printable(&frame.name)
            );
        }
    }

    fn file(&mut self, file: FileId, marks: &[Mark<'_>], arrow: &str, gutter: usize, paint: &str) {
        let Some(first) = marks.first() else { return };
        let position = self.sources().position(first.span);
        let name = self.sources().name(file).to_owned();
        put!(
            self.out,
            "{:gutter$} {arrow} {name}:{}:{}",
            "",
            position.line,
            position.column
        );
        let mut lines: BTreeMap<usize, Vec<&Mark<'_>>> = BTreeMap::new();
        for mark in marks {
            lines
                .entry(self.sources().position(mark.span).line)
                .or_default()
                .push(mark);
        }
        let mut previous = None;
        for (line, marks) in lines {
            if previous.is_some_and(|previous| previous + 1 < line) {
                self.out.push_str("...\n");
            }
            previous = Some(line);
            self.line(file, line, &marks, gutter, paint);
        }
    }

    fn line(
        &mut self,
        file: FileId,
        number: usize,
        marks: &[&Mark<'_>],
        gutter: usize,
        paint: &str,
    ) {
        let report = self.report;
        let (text, start) = report.sources().line(file, number);
        let first = marks
            .first()
            .map_or(0, |mark| (mark.span.start as usize).saturating_sub(start));
        let (text, start, cut) = around(text, start, first);
        let near = |span: &&Span| {
            span.file == file
                && (span.start as usize) < start + text.len()
                && start < span.end as usize
        };
        let secrets: Vec<&Span> = report.secrets().iter().filter(near).collect();
        let secret = |offset: usize| {
            secrets
                .iter()
                .any(|s| (s.start as usize..s.end as usize).contains(&offset))
        };
        let shown: Vec<char> = text
            .char_indices()
            .map(|(at, c)| if secret(start + at) { '*' } else { plain(c) })
            .collect();
        let columns: Vec<(usize, usize)> = marks
            .iter()
            .map(|mark| {
                let column = |offset: u32| {
                    let offset = (offset as usize).saturating_sub(start);
                    text.char_indices()
                        .take_while(|(at, _)| *at < offset)
                        .count()
                };
                let (from, to) = (column(mark.span.start), column(mark.span.end));
                (from, to.max(from + 1))
            })
            .collect();
        let left = match columns.first() {
            Some(&(from, _)) if shown.len() > MAX_WIDTH => from.saturating_sub(MAX_WIDTH / 3),
            _ => 0,
        };
        let window: String = shown.iter().skip(left).take(MAX_WIDTH).collect();
        let dots = |cut: bool| if cut { "…" } else { "" };
        put!(
            self.out,
            "{number:>gutter$} | {}{}{}",
            dots(left > 0 || cut),
            window.trim_end(),
            dots(shown.len() > left + MAX_WIDTH)
        );
        for (mark, (from, to)) in marks.iter().zip(columns) {
            if from < left || from > left + MAX_WIDTH {
                continue;
            }
            let pad: String = shown
                .iter()
                .skip(left)
                .take(from - left)
                .map(|&c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let pad = format!("{}{pad}", if left > 0 || cut { " " } else { "" });
            let width = to.min(left + MAX_WIDTH).saturating_sub(from).max(1);
            let line = if mark.primary { "^" } else { "-" }.repeat(width);
            let line = self.paint(if mark.primary { paint } else { "1;34" }, &line);
            let text = format!("{line} {}", printable(mark.text));
            put!(self.out, "{:gutter$} | {pad}{}", "", text.trim_end());
        }
    }

    /// How wide line numbers are in this excerpt.
    fn gutter(&self, diagnostic: &Diagnostic) -> usize {
        let spans = diagnostic
            .primary
            .into_iter()
            .chain(diagnostic.secondary.iter().map(|(span, _)| *span));
        let last = spans
            .map(|span| self.sources().position(span).line)
            .max()
            .unwrap_or(1);
        last.to_string().len()
    }

    fn sources(&self) -> &Sources {
        self.report.sources()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The part of a line near a place, the offset of its first byte, and whether something was cut before it.
fn around(line: &str, start: usize, place: usize) -> (&str, usize, bool) {
    let mut from = place.saturating_sub(MAX_BYTES).min(line.len());
    while !line.is_char_boundary(from) {
        from -= 1;
    }
    let mut to = (place + MAX_BYTES).min(line.len());
    while !line.is_char_boundary(to) {
        to -= 1;
    }
    (
        line.get(from..to).unwrap_or_default(),
        start + from,
        from > 0,
    )
}

/// Control characters of a file or a variable must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(plain).collect()
}

fn plain(c: char) -> char {
    if c.is_control() && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

#[cfg(test)]
mod tests;
