use ferrogate_llm::ThinkingStyle;

use super::*;

fn sample() -> Catalog {
    Catalog::parse(
        "\
provider bedrock
prefix us. eu.
model acme.one-v1:0 chat in=1 out=1
model eu.acme.one-v1:0 chat in=2 out=2
provider fireworks
prefix accounts/fireworks/models/
model one chat
provider openai
model gpt-4o chat dated alias=gpt-4o-latest
model gpt-4 chat
model gpt-4o-2024-05-13 chat
provider vertex-ai
prefix publishers/anthropic/models/
suffix @
model claude-one chat dated
model old chat status=retired
",
        "x",
    )
    .unwrap()
}

#[test]
fn finds_rows_by_what_a_request_may_carry() {
    let catalog = sample();
    for (provider, asked, found) in [
        ("openai", "gpt-4o", Some("gpt-4o")),
        ("openai", "gpt-4o-latest", Some("gpt-4o")),
        ("openai", "gpt-4o-2024-08-06", Some("gpt-4o")),
        ("openai", "gpt-4o-latest-2024-08-06", Some("gpt-4o")),
        ("openai", "gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
        // Not every row allows a date.
        ("openai", "gpt-4-0613", None),
        ("openai", "gpt-4o-mini", None),
        ("openai", "GPT-4o", None),
        ("openai", "", None),
        ("nobody", "gpt-4o", None),
        ("bedrock", "acme.one-v1:0", Some("acme.one-v1:0")),
        ("bedrock", "us.acme.one-v1:0", Some("acme.one-v1:0")),
        // A row of its own goes before what the prefix allows.
        ("bedrock", "eu.acme.one-v1:0", Some("eu.acme.one-v1:0")),
        ("bedrock", "jp.acme.one-v1:0", None),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.acme.one-v1:0",
            Some("eu.acme.one-v1:0"),
        ),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/acme.one-v1:0",
            Some("acme.one-v1:0"),
        ),
        ("fireworks", "accounts/fireworks/models/one", Some("one")),
        ("fireworks", "accounts/other/models/one", None),
        ("vertex-ai", "claude-one@20250929", Some("claude-one")),
        ("vertex-ai", "claude-one-20250929", Some("claude-one")),
        (
            "vertex-ai",
            "publishers/anthropic/models/claude-one@default",
            Some("claude-one"),
        ),
    ] {
        let row = catalog.get(provider, asked).map(|row| row.id.as_str());
        assert_eq!(row, found, "{provider} {asked}");
    }
}

#[test]
fn knows_who_serves_a_model() {
    let catalog = sample();
    let serving = |model: &str| -> Vec<String> {
        catalog
            .serving(model)
            .map(|row| format!("{}/{}", row.provider, row.id))
            .collect()
    };
    assert_eq!(serving("one"), ["fireworks/one"]);
    assert_eq!(serving("gpt-4o-2025-01-01"), ["openai/gpt-4o"]);
    assert!(serving("old").is_empty());
    assert!(catalog.get("vertex-ai", "old").is_some());
}

#[test]
fn searches_ids_and_aliases() {
    let catalog = sample();
    let found = |text: &str| catalog.search(text).count();
    assert_eq!(found("LATEST"), 1);
    assert_eq!(found("openai 4o"), 2);
    assert_eq!(found("nothing"), 0);
    assert_eq!(found(""), catalog.len());
    assert_eq!(catalog.of_provider("bedrock").count(), 2);
}

#[test]
fn an_operators_file_replaces_rows_and_adds_others() {
    let own = Catalog::parse(
        "\
provider openai
family gpt-4* no=prefill
model gpt-4o chat in=9 out=9
model mine chat alias=gpt-4
provider new
model fresh chat
",
        "own",
    )
    .unwrap();
    let catalog = sample().overlay(own);
    let row = catalog.get("openai", "gpt-4o").unwrap();
    assert_eq!(row.prices.quotes().len(), 2);
    // The whole row is replaced: the new one has no alias and allows no date.
    assert!(catalog.get("openai", "gpt-4o-latest").is_none());
    assert!(catalog.get("openai", "gpt-4o-2024-08-06").is_none());
    assert!(catalog.get("openai", "gpt-4o-2024-05-13").is_some());
    // The operator's alias goes before an id of the embedded catalog.
    assert_eq!(catalog.get("openai", "gpt-4").unwrap().id, "mine");
    assert!(catalog.get("new", "fresh").is_some());
    // A family of the file holds for rows of both.
    for model in ["gpt-4o", "gpt-4o-2024-05-13", "gpt-4-unknown"] {
        assert!(!catalog.traits("openai", model).prefill, "{model}");
    }
    assert_eq!(catalog.len(), sample().len() + 2);
}

#[test]
fn traits_are_layered() {
    let catalog = Catalog::parse(
        "\
provider *
family *m* output=1 thinking=effort no=prefill,stop
family *mm* output=2 thinking=toggle no=prefill
provider p
family mm* can=prefill
model mm-1 chat output=3
model x chat
",
        "x",
    )
    .unwrap();
    for (provider, model, output, thinking, prefill) in [
        ("p", "mm-1", Some(3), ThinkingStyle::Toggle, true),
        ("p", "mm-2", Some(2), ThinkingStyle::Toggle, true),
        ("q", "mm-2", Some(2), ThinkingStyle::Toggle, false),
        ("q", "m", Some(1), ThinkingStyle::Effort, false),
        ("p", "x", None, ThinkingStyle::Unknown, true),
    ] {
        let traits = catalog.traits(provider, model);
        assert_eq!(traits.max_output_tokens, output, "{provider} {model}");
        assert_eq!(traits.thinking, thinking, "{provider} {model}");
        assert_eq!(traits.prefill, prefill, "{provider} {model}");
    }
    assert_eq!(catalog.traits("r", "x"), ModelTraits::default());
}
