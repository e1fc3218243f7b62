//! Documents of Ferro Labs' gateway: good ones to a Caddyfile that means the same, broken ones to diagnostics.

use std::path::Path;

use ferrogate_config::{LoadOptions, Loaded, SourceFormat, load_str, migrate_ferro_labs};
use proptest::prelude::*;
use serde_json::Value;

/// The variables of every provider are set.
fn env(name: &str) -> Option<String> {
    name.ends_with("_KEY").then(|| "sk-test".to_owned())
}

fn read(path: &Path) -> (String, String) {
    let name = path.file_name().and_then(|name| name.to_str());
    let text = std::fs::read_to_string(path).expect("the file was just listed");
    (name.expect("test files have plain names").to_owned(), text)
}

fn loaded(name: &str, text: &str, format: SourceFormat) -> Loaded {
    let options = LoadOptions {
        env: &env,
        format: Some(format),
    };
    load_str(name, text, Path::new(""), &options)
}

#[test]
fn documents_become_caddyfiles() {
    insta::glob!("ferro_labs/*", |path| {
        let (name, text) = read(path);
        let (caddyfile, report) = migrate_ferro_labs(&name, &text, &env);
        let report = report.render(false);
        let caddyfile = caddyfile.unwrap_or_else(|| panic!("{name} does not load:\n{report}"));
        let meant = loaded(&name, &text, SourceFormat::FerroLabs).config;
        let again = loaded("Caddyfile", &caddyfile, SourceFormat::Caddyfile);
        let again = again
            .config
            .unwrap_or_else(|| panic!("{caddyfile}\n{}", again.report.render(false)));
        let shown = |gateways| {
            let mut json = serde_json::to_value(gateways).unwrap();
            forget_places(&mut json);
            json
        };
        assert_eq!(
            shown(&meant.unwrap().ai_gateways),
            shown(&again.ai_gateways),
            "{caddyfile}"
        );
        insta::assert_snapshot!(format!("{caddyfile}\n{report}"));
    });
}

#[test]
fn diagnostics() {
    insta::glob!("ferro_labs_diagnostics/*.yaml", |path| {
        let (name, text) = read(path);
        let Loaded { config, report } = loaded(&name, &text, SourceFormat::FerroLabs);
        assert!(config.is_none(), "{name} has nothing wrong with it");
        let shown = report.render(false);
        assert!(
            !shown.contains("hidden-"),
            "{name} shows a secret:\n{shown}"
        );
        insta::assert_snapshot!(shown);
    });
}

#[test]
fn what_is_too_much_is_refused() {
    for (text, code) in [
        ("[".repeat(500_000), "syntax"),
        ("- ".repeat(500_000), "syntax"),
        ("{a: ".repeat(200_000), "syntax"),
        ("# é\n".repeat(300_000), "too-large"),
    ] {
        let report = loaded("t.yaml", &text, SourceFormat::FerroLabs).report;
        let codes: Vec<_> = report.errors().map(|error| error.code).collect();
        assert_eq!(codes, [code], "{}", text.get(..8).unwrap_or_default());
    }
}

/// Removes what tells where something was written.
fn forget_places(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.remove("origin");
            fields.values_mut().for_each(forget_places);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

const SEED: &str = include_str!("ferro_labs/weights.yaml");

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z:\\[\\]{},\"'\n &*!|>#é~-]{0,80}") {
        let loaded = loaded("t.yaml", &text, SourceFormat::FerroLabs);
        prop_assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
        loaded.report.render(true);
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0..SEED.len(), with in "[:\"'\\[\\]\n{}#&*é -]?", cut in 0..3_usize) {
        let damaged: String =
            SEED.chars().take(at).chain(with.chars()).chain(SEED.chars().skip(at + cut)).collect();
        let (text, report) = migrate_ferro_labs("t.yaml", &damaged, &env);
        prop_assert_eq!(text.is_some(), report.is_ok());
        report.render(true);
    }

    #[test]
    fn any_value_is_printed_so_that_it_is_read_again(value in "[a-z \"`\\\\#<>|&*,.;()]{1,12}[a-z]") {
        let quoted = serde_json::to_string(&value).unwrap();
        let text = format!(
            r#"{{"strategy":{{"mode":"content-based","content_conditions":[{{"type":"prompt_contains","value":{quoted},"target_key":"openai"}}]}},"targets":[{{"virtual_key":"openai"}}]}}"#
        );
        let (caddyfile, _) = migrate_ferro_labs("t.json", &text, &env);
        let caddyfile = caddyfile.unwrap();
        let again = loaded("Caddyfile", &caddyfile, SourceFormat::Caddyfile).config.unwrap();
        let when = &again.ai_gateways[0].models[0].targets[0].routing.when;
        let expected = ferrogate_types::routing::Condition::PromptContains(value);
        prop_assert_eq!(when, &vec![vec![expected]]);
    }
}
