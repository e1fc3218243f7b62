//! What reading and writing dialects costs: `cargo bench -p ferrogate-llm`.
//!
//! The dialect kept is the measure: what passes as it came is compared with what is said in other words.

mod answer;
mod request;
mod sample;
mod stream;

use divan::AllocProfiler;
use ferrogate_llm::{Caller, Dialect};

/// Shows what is copied, and how often memory is asked for.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Who is answered.
const CALLER: Caller<'static> = Caller {
    model: "asked",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 300,
    array: false,
    echo: None,
};

/// From one dialect to another, at a size in bytes where it matters.
#[derive(Clone, Copy)]
struct Case {
    from: Dialect,
    to: Dialect,
    size: usize,
}

impl Case {
    /// Each pair at each size.
    fn all(pairs: &[(Dialect, Dialect)], sizes: &[usize]) -> Vec<Self> {
        let at = |&size| pairs.iter().map(move |&(from, to)| Self { from, to, size });
        sizes.iter().flat_map(at).collect()
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.size > 0 {
            write!(f, "{:4} KiB, ", self.size >> 10)?;
        }
        write!(f, "{} to {}", self.from.as_str(), self.to.as_str())
    }
}
