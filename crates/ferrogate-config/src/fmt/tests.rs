//! Formatted texts, and what holds for every text.

use proptest::prelude::*;

use super::{format, is_formatted};
use crate::caddyfile::lexer::lex;

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(format(text), *expected, "{text:?}");
        assert_eq!(format(expected), *expected, "formatted again: {text:?}");
        assert!(is_formatted(expected));
    }
}

#[test]
fn blanks_and_lines() {
    check(&[
        ("", "\n"),
        ("a", "a\n"),
        ("\n\n a\t\tb  \n\n\n", "a b\n"),
        ("a\n\n\n\nb\nc", "a\n\nb\nc\n"),
        ("a\r\nb {\r\n\tc\r\n}\r\n", "a\nb {\n\tc\n}\n"),
        ("a\u{a0}b", "a b\n"),
        ("\u{feff}a", "a\n"),
    ]);
}

#[test]
fn blocks() {
    check(&[
        ("a {\nb {\n c\n}\n}", "a {\n\tb {\n\t\tc\n\t}\n}\n"),
        ("a\n\n{\nb\n}", "a {\n\tb\n}\n"),
        ("a {\n\n\nb\n\n\n}", "a {\n\tb\n}\n"),
        ("a { b }", "a {\n\tb\n}\n"),
        ("a { }", "a {\n}\n"),
        ("a {\n}\nb {\n}", "a {\n}\nb {\n}\n"),
        ("a {\n} b {\n}", "a {\n}\n\nb {\n}\n"),
        (
            "a {\n b {\n  c\n }\n\n\n d\n}",
            "a {\n\tb {\n\t\tc\n\t}\n\n\td\n}\n",
        ),
        ("{\ndebug\n}\n:80 {\n}", "{\n\tdebug\n}\n:80 {\n}\n"),
        ("{\n}\n{\n}", "{\n}\n\n{\n}\n"),
    ]);
}

#[test]
fn braces_out_of_place() {
    check(&[
        ("a{\nb\n}", "a {\n\tb\n}\n"),
        ("{$A}{\nb\n}", "{$A} {\n\tb\n}\n"),
        ("a {\nb c}", "a {\n\tb c\n}\n"),
        ("a {\nb\n}c{\nd}", "a {\n\tb\n}\n\nc {\n\td\n}\n"),
        ("a {\nb {\nc}}", "a {\n\tb {\n\t\tc\n\t}\n}\n"),
        ("}\n}\na", "}\n}\na\n"),
        ("a }\nb", "a\n}\nb\n"),
        ("a {\nb {\n", "a {\n\tb {\n"),
        // Nothing is missing here, so the last brace of the word is a part of it.
        ("a {\nrespond b}\n}", "a {\n\trespond b}\n}\n"),
        ("a b{ c", "a b{ c\n"),
        ("a b{ }", "a b {\n}\n"),
        // Without its brace the word would begin a heredoc, a text or a comment.
        ("a {\nb <<E}\n", "a {\n\tb <<E}\n"),
        ("a {\n}#b", "a {\n\t}#b\n"),
        ("a {\n}{ b", "a {\n\t}{ b\n"),
        ("a {\n}\"b  c", "a {\n\t}\"b c\n"),
        ("a \\{\nb \\}", "a \\{\nb \\}\n"),
    ]);
    let deep = "{\n".repeat(12) + "x\n" + &"}\n".repeat(12);
    assert!(format(&deep).contains(&format!("\n{}x\n", "\t".repeat(10))));
}

#[test]
fn comments() {
    check(&[
        ("# a\n#b\n\n c # d", "# a\n#b\n\nc # d\n"),
        ("a#b c", "a#b c\n"),
        ("a { # b\nc\n}", "a {\n\t# b\n\tc\n}\n"),
        ("a {\nb # }\n} # c", "a {\n\tb # }\n}\n\n# c\n"),
        ("# a\n{\nb\n}", "# a\n{\n\tb\n}\n"),
        ("a # b\n{\nc\n}", "a # b\n{\n\tc\n}\n"),
        ("# a\n\n\n\n\nb", "# a\n\n\nb\n"),
        ("# kept  \r\na", "# kept  \na\n"),
        ("respond \"a # b\"", "respond \"a # b\"\n"),
        ("a {\n b {\n } # c\n}", "a {\n\tb {\n\t}\t# c\n}\n"),
    ]);
}

#[test]
fn quotes_are_copied() {
    check(&[
        ("a \"b  c\n  d\"   e", "a \"b  c\n  d\" e\n"),
        ("a \"b \\\"  c\\\\\"", "a \"b \\\"  c\\\\\"\n"),
        (
            "a `b  \"c\"  {{d}}\n  }`  e",
            "a `b  \"c\"  {{d}}\n  }` e\n",
        ),
        ("a \"`  `\" `\"  \"`", "a \"`  `\" `\"  \"`\n"),
        ("\"a\"b  \"\"", "\"a\"b \"\"\n"),
        ("a \"b  c", "a \"b  c\n"),
        ("a \\\"b  c\\\"", "a \\\"b c\\\"\n"),
        (
            "respond \"{\\\"a\\\":  1}\"",
            "respond \"{\\\"a\\\":  1}\"\n",
        ),
        ("x {\"a\": \"b  c\"}", "x {\"a\": \"b  c\"}\n"),
    ]);
}

#[test]
fn placeholders_are_words() {
    check(&[
        ("a  {$B}  {c.d}  {}", "a {$B} {c.d} {}\n"),
        ("{$A} {\n}", "{$A} {\n}\n"),
        ("a {b c  }d", "a {b c }d\n"),
        ("a{b}c  {{d}}", "a{b}c {{d}}\n"),
        ("(s) {\n x {args[0]}\n}", "(s) {\n\tx {args[0]}\n}\n"),
    ]);
}

#[test]
fn heredocs_are_copied() {
    check(&[
        (
            "a {\nb <<EOF\n  x  {\n  # y\n  EOF   200\n}",
            "a {\n\tb <<EOF\n  x  {\n  # y\n  EOF 200\n}\n",
        ),
        (
            "a <<A\n1  2\nA\nb  <<B\n3  4\nB",
            "a <<A\n1  2\nA\nb <<B\n3  4\nB\n",
        ),
        ("a \\<<EOF\nb  c\nEOF", "a \\<<EOF\nb c\nEOF\n"),
        ("a <<EOF  b\nc  d", "a <<EOF b\nc d\n"),
        ("a <<EOF  \nc  d", "a <<EOF \nc d\n"),
        ("a <<EOF\nb  c\n", "a <<EOF\nb  c\n"),
    ]);
}

#[test]
fn continued_lines() {
    check(&[
        ("a \\\n     b", "a \\\n b\n"),
        ("a\\\nb", "a\\\nb\n"),
        ("a \\\n \\\n\tb", "a \\\n \\\n b\n"),
        ("a \\\n{\nb\n}", "a \\\n {\n\tb\n}\n"),
        ("a\\ \nb \\  c", "a\\ \nb \\ c\n"),
        ("# a\n\\\nb", "# a\nb\n"),
    ]);
}

#[test]
fn a_block_after_an_import_stays_a_block() {
    check(&[
        ("import  x\n{\ndebug\n}", "import x\n{\n\tdebug\n}\n"),
        (
            "import x y\n\n\n{\ndebug\n}",
            "import x y\n\n{\n\tdebug\n}\n",
        ),
        ("import x {\n a\n}", "import x {\n\ta\n}\n"),
        (
            "a {\nimport x\n{\nb\n}\n}",
            "a {\n\timport x {\n\t\tb\n\t}\n}\n",
        ),
    ]);
}

#[test]
fn line_ends_do_not_count_as_a_difference() {
    assert!(is_formatted("a {\r\n\tb\r\n}\r\n"));
    assert!(!is_formatted("a  b\n") && !is_formatted("a"));
}

/// The words of a text and how they were quoted.
fn words(text: &str) -> Vec<(String, String)> {
    lex(text)
        .words
        .into_iter()
        .map(|word| (word.text, format!("{:?}", word.quote)))
        .collect()
}

/// The comments of a text, without the blanks at their ends.
fn comment_texts(text: &str) -> Vec<String> {
    lex(text)
        .comments
        .into_iter()
        .filter_map(|range| Some(text.get(range)?.trim_end().to_owned()))
        .collect()
}

/// A file with balanced braces, strewn with blanks.
fn well_formed() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec![" ", "  ", "\t", " \\\n ", "\u{a0}"]);
    let end = prop::sample::select(vec![
        "\n",
        "\n\n\n",
        "  \r\n",
        " # a  { \" comment \n",
        "\n# b }\n\n",
    ]);
    let word = prop::sample::select(vec![
        "a",
        "{path}",
        "{$X}",
        "\"b  {\"",
        "`c\n}`",
        "d#e",
        "\"\\\"\"",
        "<<E\n x\n E",
        "\\{",
        "respond",
        "import",
        "é",
        "\"\"",
        "f}g",
        "h{i",
        "/*",
        "->",
    ]);
    let line =
        (prop::collection::vec((word, blank), 1..5), end.clone()).prop_map(|(words, end)| {
            words
                .iter()
                .flat_map(|&(word, blank)| [word, blank])
                .collect::<String>()
                + end
        });
    line.prop_recursive(4, 40, 5, move |inner| {
        (
            prop::collection::vec(inner, 0..5),
            prop::sample::select(vec!["a", "\"b\" c", "{$X}"]),
            end.clone(),
        )
            .prop_map(|(lines, name, end)| format!("{name} {{{end}{}}}\n", lines.concat()))
    })
}

proptest! {
    #[test]
    fn well_formed_files_keep_their_words_and_comments(text in prop::collection::vec(well_formed(), 0..4)) {
        let text = text.concat();
        let formatted = format(&text);
        prop_assert_eq!(words(&formatted), words(&text), "{:?}", &formatted);
        prop_assert_eq!(comment_texts(&formatted), comment_texts(&text), "{:?}", &formatted);
        prop_assert_eq!(format(&formatted), formatted);
    }

    #[test]
    fn any_text_is_formatted_once_and_for_all(text in "[a{}\"`\\\\\n\r\t #<E$-]{0,40}|\\PC{0,30}") {
        let once = format(&text);
        prop_assert!(once.ends_with('\n'));
        prop_assert_eq!(format(&once), once, "{:?}", text);
    }
}
