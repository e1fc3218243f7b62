//! What the catalog costs at start: `cargo bench -p ferrogate-catalog`.

use divan::black_box;
use ferrogate_catalog::Catalog;

fn main() {
    divan::main();
}

/// Reads every embedded row.
#[divan::bench]
fn embedded() -> Catalog {
    Catalog::read_embedded()
}

/// Finds a row by an id in a wrapping.
#[divan::bench]
fn lookup() -> bool {
    let catalog = Catalog::embedded();
    catalog
        .get(
            black_box("bedrock"),
            black_box("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        )
        .is_some()
}
