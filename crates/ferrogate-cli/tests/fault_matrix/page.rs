//! The table of `docs/failover.md`, written from the matrix.

use std::fmt::Write as _;
use std::path::Path;

use crate::table::{Broken, End, Estimated, Next, PARTS, Served, Stop};

const BEGIN: &str = "<!-- Written from the fault matrix: UPDATE_REFERENCE=1 cargo test -p ferrogate-cli --test fault_matrix page -->\n";
const END: &str = "<!-- The end of what is written from the fault matrix. -->\n";

/// Fails when the page and the table differ; writes the page where `UPDATE_REFERENCE` is set.
pub(crate) fn check() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/failover.md");
    let page = std::fs::read_to_string(&path).expect("the page can be read");
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has a place for the table");
    let (found, after) = rest.split_once(END).expect("the table has an end");
    let expected = tables();
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_REFERENCE").is_some(),
        "docs/failover.md is not what the matrix checks; write it with UPDATE_REFERENCE=1"
    );
    std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}"))
        .expect("the page can be written");
}

fn tables() -> String {
    let mut text = String::new();
    for part in PARTS {
        write!(
            text,
            "\n### {}\n\n| The provider | asked for | the caller sees | when there is no other target | in the trace | in the ledger |\n\
             |---|---|---|---|---|---|\n",
            part.title
        )
        .expect("a text takes what is written");
        for row in part.rows {
            for (form, end) in forms(row.whole, row.stream) {
                let [caller, alone, trace, ledger] = words(end);
                writeln!(
                    text,
                    "| {} | {form} | {caller} | {alone} | {trace} | {ledger} |",
                    row.what
                )
                .expect("a text takes what is written");
            }
        }
    }
    text.push('\n');
    text
}

/// The forms of an answer that end differently.
fn forms(whole: Option<End>, stream: Option<End>) -> Vec<(&'static str, End)> {
    match (whole, stream) {
        (Some(whole), Some(stream)) if whole == stream => vec![("either", whole)],
        (whole, stream) => {
            let whole = whole.map(|end| ("JSON", end));
            whole
                .into_iter()
                .chain(stream.map(|end| ("a stream", end)))
                .collect()
        }
    }
}

/// What the caller sees, with another target and without, what the trace says and what is charged.
fn words(end: End) -> [String; 4] {
    let code = |status: u16, code: &str| match code {
        // What the upstreams of the matrix say of themselves.
        "fake_code" => format!("{status} in the provider's words"),
        _ => format!("{status} `{code}`"),
    };
    match end {
        Next(word, status, name) => [
            "the next target's answer".to_owned(),
            code(status, name),
            format!("`{word}`"),
            "nothing for this try".to_owned(),
        ],
        Stop(word, status, name) => [
            code(status, name),
            "the same".to_owned(),
            format!("`{word}`"),
            "nothing".to_owned(),
        ],
        Served => [
            "its answer".to_owned(),
            "the same".to_owned(),
            "`ok`".to_owned(),
            "what it reports, once".to_owned(),
        ],
        Estimated => [
            "its answer".to_owned(),
            "the same".to_owned(),
            "`ok`".to_owned(),
            "an estimate, marked `estimated`".to_owned(),
        ],
        Broken => [
            "what came, then an error event".to_owned(),
            "the same".to_owned(),
            "`ok`; `error` in the log says what happened".to_owned(),
            "what came".to_owned(),
        ],
    }
}
