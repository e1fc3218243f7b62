use ferrogate_llm::{ThinkingStyle, chat::Effort};

use crate::{Bucket, Capability, Catalog, Mode, Status, Tier};

#[test]
fn reads_every_word_of_the_format() {
    let text = "\
# A comment.
provider local
source https://models.example/prices
as_of 2026-11-20
prefix a/ b/
suffix @

model big chat dated alias=large,huge context=1000 output=100  # trailing comment
  thinking=toggle efforts=low,high min_budget=7 can=tools,vision no=prefill
\tin=2 cached=0.2 out=8 in>500=4 batch:in=1 priority=x2
  status=deprecated deprecated=2026-10-01 sunset=2027-01-31 successor=bigger
  source=https://models.example/big#prices as_of=2026-11-21
model small embedding in=0.1
provider *
family big* thinking=none
";
    let catalog = Catalog::parse(text, "x").unwrap();
    let row = catalog.get("local", "huge").unwrap();
    assert_eq!((&*row.provider, row.id.as_str()), ("local", "big"));
    assert_eq!(row.mode, Mode::Chat);
    assert_eq!(
        (row.context_window, row.max_output_tokens),
        (Some(1000), Some(100))
    );
    assert_eq!(row.thinking, ThinkingStyle::Toggle);
    assert!(row.efforts.iter().eq([Effort::Low, Effort::High]));
    assert_eq!(row.traits().min_thinking_budget, Some(7));
    assert!(row.capabilities.contains(Capability::Vision));
    assert!(!row.capabilities.contains(Capability::Prefill));
    assert_eq!(row.lifecycle.status, Status::Deprecated);
    assert_eq!(row.lifecycle.sunset.unwrap().to_string(), "2027-01-31");
    assert_eq!(row.lifecycle.successor.as_deref(), Some("bigger"));
    assert_eq!(
        row.source.as_deref(),
        Some("https://models.example/big#prices")
    );
    assert_eq!(row.as_of.unwrap().to_string(), "2026-11-21");
    let rate = |bucket, tier, prompt| row.prices.rate(bucket, tier, prompt).unwrap().to_string();
    assert_eq!(rate(Bucket::Input, Tier::Standard, 500), "2");
    assert_eq!(rate(Bucket::Input, Tier::Standard, 501), "4");
    assert_eq!(rate(Bucket::Input, Tier::Batch, 1), "1");
    assert_eq!(rate(Bucket::Output, Tier::Priority, 1), "16");
    let small = catalog.get("local", "small").unwrap();
    assert_eq!(
        small.source.as_deref(),
        Some("https://models.example/prices")
    );
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let errors = Catalog::parse(text, "own.catalog").unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected);
}

#[test]
fn says_what_is_wrong_and_on_which_line() {
    for (line, problem) in [
        (
            "modle m chat",
            "unknown word `modle` at the start of a line (known: provider, source, as_of, prefix, suffix, model, family)",
        ),
        ("model m", "this line must say a model's id and its mode"),
        ("source", "this line must say a page's address"),
        ("provider a b", "`b` is one word too many"),
        ("family", "this line must say a pattern of ids"),
        ("family m* in=1", "unknown key `in`"),
        (
            "as_of 2026-13-01",
            "`2026-13-01` is not a date (write for instance `2026-11-20`)",
        ),
        ("model m chat inn=1", "unknown key `inn`"),
        ("model m chat standard:in=1", "unknown key `standard:in`"),
        ("model m chat standard=x2", "unknown key `standard`"),
        ("model m chat in=", "`in=` needs a value"),
        ("model m chat cheap", "`cheap` needs a value"),
        ("model m chat in=-1", "the price `-1` is negative"),
        (
            "model m chat in=1e-6",
            "the price `1e-6` is not a decimal number (write for instance `0.15`)",
        ),
        ("model m chat in=1 in=2", "`in` is said twice"),
        (
            "model m chat in>0=1",
            "`0` is not a whole number above zero",
        ),
        ("model m chat in>10=1 in>010=1", "`in>010` is said twice"),
        (
            "model m chat context=many",
            "`many` is not a whole number above zero",
        ),
        (
            "model m chat batch=xhalf",
            "the price `half` is not a decimal number (write for instance `0.15`)",
        ),
        (
            "model m chat status=old",
            "`old` is no status (known: preview, active, deprecated, retired)",
        ),
        (
            "model m talk",
            "`talk` is no mode (known: chat, responses, completion, embedding, image, transcription, speech, rerank, moderation, realtime)",
        ),
        (
            "model m chat efforts=low,lots",
            "`lots` is no effort (known: none, minimal, low, medium, high, xhigh, max)",
        ),
    ] {
        refused(
            &format!("provider p\n\n{line}\n"),
            &[&format!("own.catalog:3: {problem}")],
        );
    }
}

#[test]
fn reports_every_problem_in_the_order_of_the_text() {
    refused(
        "model early chat\n\nprovider p\nmodel a chat alias=b\nmodel b chat\n  in=x\nmodel b chat\nmodel c chat\n  in=1\n  out=y\nprovider *\nmodel d chat\n",
        &[
            "own.catalog:1: no `provider` line stands above this one",
            "own.catalog:6: the price `x` is not a decimal number (write for instance `0.15`)",
            "own.catalog:7: `b` is already the name of a model of `p`",
            "own.catalog:10: the price `y` is not a decimal number (write for instance `0.15`)",
            "own.catalog:12: only families can stand under `provider *`",
        ],
    );
    refused(
        "  in=1\n",
        &["own.catalog:1: an indented line continues a row, and there is none above"],
    );
}

#[test]
fn an_empty_text_is_an_empty_catalog() {
    for text in ["", "\n\n", "# nothing\n", "   \n", "\u{feff}# marked\n"] {
        let empty = Catalog::parse(text, "x").unwrap();
        assert!(empty.is_empty(), "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(provider|model|family|prefix|source| |\n|=|>|:|,|x|#|[a-z0-9.*?@é-]{1,6}){0,60}") {
        match Catalog::parse(&text, "x") {
            Ok(catalog) => proptest::prop_assert!(catalog.iter().all(|row| catalog.get(&row.provider, &row.id).is_some())),
            Err(errors) => proptest::prop_assert!(errors.iter().all(|error| error.line <= text.lines().count())),
        }
    }
}
