use super::*;

/// Words as `LINE:TEXT`, with a mark for the quote.
fn words(text: &str) -> Vec<String> {
    lex(text)
        .words
        .iter()
        .map(|word| {
            let mark = match word.quote {
                Quote::None => "",
                Quote::Double => "\"",
                Quote::Backtick => "`",
                Quote::Heredoc => "<<",
            };
            format!("{}:{mark}{}", word.line, word.text)
        })
        .collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(words(text), expected, "{text:?}");
    assert_eq!(lex(text).errors, [], "{text:?}");
}

#[test]
fn splits_at_white_space_and_counts_lines() {
    check("", &[]);
    check("a b\nc", &["0:a", "0:b", "1:c"]);
    check("a\r\nb\r\n", &["0:a", "1:b"]);
    check("\u{feff}a", &["0:a"]);
    check("a\u{a0}b", &["0:a", "0:b"]);
}

#[test]
fn comments_begin_words_only() {
    check("a#b # c\n#d\ne", &["0:a#b", "2:e"]);
    let lexed = lex("a #x\n# y\r\nb");
    assert_eq!(lexed.comments, [2..4, 5..9]);
}

#[test]
fn quotes_open_at_the_start_of_a_word() {
    check(r#"a"b" "c d"e"#, &["0:a\"b\"", "0:\"c d", "0:e"]);
    check(r#""\"x\" \d\n" """#, &[r#"0:""x" \d\n"#, "0:\""]);
    check(r#""\\""#, &[r#"0:"\\"#]);
    check("\"a\nb\" c\nd", &["0:\"a\nb", "0:c", "1:d"]);
    check("`a\\\"b`", &["0:`a\\\"b"]);
    check(r#"key="x y""#, &["0:key=\"x", "0:y\""]);
}

#[test]
fn continued_lines_are_one() {
    check("a \\\nb\nc", &["0:a", "0:b", "1:c"]);
    check("a\\\r\n  b", &["0:a", "0:b"]);
    check("a \\\n\\\nb", &["0:a", "0:b"]);
    check(r"\d \{x\}", &[r"0:\d", r"0:\{x\}"]);
}

#[test]
fn heredocs_lose_the_indentation_of_their_end() {
    check(
        "r <<EOF\n  a\n    b\n\n  EOF 200\nn",
        &["0:r", "0:<<a\n  b\n", "0:200", "1:n"],
    );
    check("r <<E\nE", &["0:r", "0:<<"]);
    check("r <<E\r\n\ta\r\n\tE\r\n", &["0:r", "0:<<a"]);
    check("r \\<<E x", &["0:r", "0:<<E", "0:x"]);
    check("r <<E word", &["0:r", "0:<<E", "0:word"]);
    check("r << x", &["0:r", "0:<<", "0:x"]);
    check("r <<END\ntext END more\n", &["0:r", "0:<<", "0:more"]);
}

fn refuse(text: &str, range: Range<usize>, kind: LexErrorKind) {
    assert_eq!(
        lex(text).errors.first(),
        Some(&LexError { range, kind }),
        "{text:?}"
    );
}

#[test]
fn says_what_is_wrong() {
    refuse("a \"b\nc", 2..3, LexErrorKind::Unterminated('"'));
    refuse("a `b\nc", 2..3, LexErrorKind::Unterminated('`'));
    refuse("\"\\", 0..1, LexErrorKind::Unterminated('"'));
    refuse("a\\ b", 1..2, LexErrorKind::StrayBackslash);
    refuse("\\ b", 0..1, LexErrorKind::StrayBackslash);
    refuse("a <<\nb", 2..4, LexErrorKind::HeredocNoMarker);
    refuse("a <<<X\nb", 2..6, LexErrorKind::HeredocMarker("<X".into()));
    refuse("a <<X!\nb", 2..6, LexErrorKind::HeredocMarker("X!".into()));
    refuse("a <<X\nb", 2..5, LexErrorKind::HeredocOpen("X".into()));
    refuse("a <<X\n  b\n c\n  X", 10..12, LexErrorKind::HeredocIndent);
}
