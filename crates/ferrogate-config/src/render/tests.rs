use crate::diagnostic::{Diagnostic, ImportFrame};
use crate::report::Report;
use crate::source::Span;

fn report() -> (Report, Span, Span) {
    let mut report = Report::default();
    let file = report.sources_mut().add(
        "Caddyfile",
        ":80 {\n\n\n    reverse_prox api:8080\n\tlog\n}\n",
    );
    let other = report.sources_mut().add("other", "import \u{1b}[31m x\n");
    (report, Span::new(file, 12, 24), Span::new(other, 0, 6))
}

#[test]
fn draws_line_caret_and_hint() {
    let (mut report, span, _) = report();
    report.push(
        Diagnostic::error("unknown-directive", "unknown directive `reverse_prox`")
            .at(span)
            .label("not a directive of a site block")
            .hint("did you mean `reverse_proxy`?"),
    );
    assert_eq!(
        report.render(false),
        "error[unknown-directive]: unknown directive `reverse_prox`\n  --> Caddyfile:4:5\n4 |     reverse_prox api:8080\n  \
         |     ^^^^^^^^^^^^ not a directive of a site block\n  = hint: did you mean `reverse_proxy`?\n"
    );
}

#[test]
fn draws_other_places_and_the_import_chain() {
    let (mut report, span, other) = report();
    let log = Span::new(span.file, 35, 38);
    report.push(
        Diagnostic::warning("x", "m")
            .at(log)
            .also(span, "first here")
            .also(other, "and there")
            .imported(vec![ImportFrame {
                span: other,
                name: "snip".into(),
            }]),
    );
    assert_eq!(
        report.render(false),
        "warning[x]: m\n  --> Caddyfile:5:2\n4 |     reverse_prox api:8080\n  |     ------------ first here\n5 | \tlog\n  \
         | \t^^^\n  ::: other:1:1\n1 | import \u{fffd}[31m x\n  | ------ and there\n  = imported at other:1:1 (import snip)\n"
    );
}

#[test]
fn hides_secrets_and_cuts_long_lines() {
    let mut report = Report::default();
    let text = format!("{} secret {}", "a".repeat(500), "b".repeat(500));
    let file = report.sources_mut().add("f", text);
    let span = Span::new(file, 501, 507);
    report.redact(span);
    report.push(Diagnostic::error("x", "m").at(span));
    let shown = report.render(false);
    assert!(
        !shown.contains("secret") && shown.contains("******"),
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.chars().count() < 200),
        "{shown}"
    );
}

#[test]
fn keeps_file_order_and_says_things_once() {
    let (mut report, span, other) = report();
    report.push(Diagnostic::error("b", "second").at(other));
    report.push(Diagnostic::error("a", "first").at(span));
    report.push(Diagnostic::error("a", "first").at(span));
    let codes: Vec<_> = report.errors().map(|d| d.code).collect();
    assert_eq!(codes, ["a", "b"]);
    let json = report.to_json();
    assert_eq!(json["errors"], 2);
    assert_eq!(json["diagnostics"][0]["place"]["line"], 4);
}

#[test]
fn colours_only_when_asked() {
    let (mut report, span, _) = report();
    report.push(Diagnostic::note("x", "m").at(span));
    assert!(report.render(true).contains("\u{1b}[1;36m"));
    assert!(!report.render(false).contains('\u{1b}'));
}
