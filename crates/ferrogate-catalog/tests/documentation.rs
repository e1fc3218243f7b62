//! The example of the documentation is a catalog, and costs what it says.

use ferrogate_catalog::{Bucket, Capability, Catalog, Mode, Status, Tier};
use ferrogate_types::Usage;

const PAGE: &str = include_str!("../../../docs/model-catalog.md");

#[test]
fn the_example_costs_what_it_says() {
    let example = PAGE.split("```").nth(1).unwrap();
    let own = Catalog::parse(example, "example").unwrap();
    let catalog = Catalog::embedded().clone().overlay(own);
    for (provider, model, usage, cost) in [
        (
            "anthropic",
            "claude-sonnet-5-20260801",
            Usage {
                input: 10_000,
                cached_input: 8_000,
                output: 500,
                ..Usage::default()
            },
            "0.00954",
        ),
        (
            "local",
            "llama",
            Usage {
                input: 40_000,
                output: 100,
                ..Usage::default()
            },
            "0.006045",
        ),
    ] {
        assert!(PAGE.contains(&format!("${cost}")), "{cost}");
        let row = catalog.get(provider, model).unwrap();
        let found = row.prices.cost(&usage, Tier::Standard).unwrap();
        assert_eq!(found.to_string(), cost, "{provider}/{model}");
    }
    assert!(!catalog.traits("local", "llama-8b").json_schema);
}

#[test]
fn every_word_is_described() {
    let words = Capability::ALL
        .iter()
        .map(|word| word.as_str())
        .chain(Mode::ALL.iter().map(|word| word.as_str()))
        .chain(Status::ALL.iter().map(|word| word.as_str()))
        .chain(Bucket::ALL.iter().map(|word| word.as_str()))
        .chain(
            Tier::ALL
                .iter()
                .map(|word| word.as_str())
                .filter(|&word| word != "standard"),
        )
        .chain(
            ferrogate_llm::ThinkingStyle::ALL
                .iter()
                .map(|word| word.as_str()),
        )
        .chain(
            ferrogate_llm::chat::Effort::ALL
                .iter()
                .map(|word| word.as_str()),
        );
    for word in words {
        assert!(PAGE.contains(&format!("`{word}`")), "{word}");
    }
}
