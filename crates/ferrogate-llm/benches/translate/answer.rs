//! Whole answers on their way to a caller.

use divan::{Bencher, black_box};
use ferrogate_llm::{Dialect, Kept};

use crate::{CALLER, Case, sample};

const SIZES: [usize; 2] = [1 << 10, 16 << 10];

/// The same dialect on both sides: checked, its usage read, the model spliced.
#[divan::bench(args = SIZES)]
fn same(bencher: Bencher<'_, '_>, size: usize) {
    let body = sample::answer(Dialect::OpenAiChat, size);
    bencher.bench_local(|| {
        Kept::read(Dialect::OpenAiChat, black_box(&body), "asked").expect("a sample is an answer")
    });
}

/// Read, and written for the caller.
#[divan::bench(args = Case::all(&[
    (Dialect::Anthropic, Dialect::OpenAiChat),
    (Dialect::Gemini, Dialect::OpenAiChat),
    (Dialect::Converse, Dialect::OpenAiChat),
    (Dialect::Cohere, Dialect::OpenAiChat),
    (Dialect::OpenAiChat, Dialect::OpenAiResponses),
    (Dialect::OpenAiChat, Dialect::Anthropic),
], &SIZES))]
fn translated(bencher: Bencher<'_, '_>, case: &Case) {
    let body = sample::answer(case.from, case.size);
    bencher.bench_local(|| {
        let answer = case
            .from
            .protocol()
            .read_answer(black_box(&body))
            .expect("a sample is an answer");
        case.to.protocol().write_answer(&answer, &CALLER)
    });
}
