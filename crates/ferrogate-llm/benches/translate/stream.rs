//! Streams of a thousand small events: what an iteration allocates, divided by a thousand, is what an event does.

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ferrogate_llm::{Dialect, RelayedStream, StreamWatch, Surface};

use crate::{CALLER, Case, sample};

const EVENTS: usize = 1000;
const LIMIT: usize = 1 << 20;

/// OpenAI's chunks for a caller of the same dialect.
#[divan::bench]
fn watching(bencher: Bencher<'_, '_>) {
    relay(bencher, Dialect::OpenAiChat, || {
        let watch = StreamWatch::new(Surface::CHAT, true);
        RelayedStream::watching(watch, CALLER.model, LIMIT)
    });
}

/// Another dialect's events for a caller of the same.
#[divan::bench(args = [Dialect::OpenAiResponses, Dialect::Anthropic, Dialect::Gemini, Dialect::Converse])]
fn passing(bencher: Bencher<'_, '_>, dialect: Dialect) {
    relay(bencher, dialect, || {
        RelayedStream::passing(dialect, CALLER.model, LIMIT)
    });
}

/// Events for a caller of another dialect.
#[divan::bench(args = Case::all(&[
    (Dialect::Anthropic, Dialect::OpenAiChat),
    (Dialect::Gemini, Dialect::OpenAiChat),
    (Dialect::Converse, Dialect::OpenAiChat),
    (Dialect::Cohere, Dialect::OpenAiChat),
    (Dialect::Ollama, Dialect::OpenAiChat),
    (Dialect::OpenAiResponses, Dialect::OpenAiChat),
    (Dialect::OpenAiChat, Dialect::Anthropic),
    (Dialect::OpenAiChat, Dialect::OpenAiResponses),
    (Dialect::OpenAiChat, Dialect::Gemini),
    (Dialect::Anthropic, Dialect::OpenAiResponses),
], &[0]))]
fn translating(bencher: Bencher<'_, '_>, case: &Case) {
    relay(bencher, case.from, || {
        RelayedStream::translating(case.from, case.to, &CALLER, LIMIT)
    });
}

/// Relays a stream whose events come one by one.
fn relay(bencher: Bencher<'_, '_>, from: Dialect, open: impl Fn() -> RelayedStream) {
    let chunks: Vec<Bytes> = sample::stream(from, EVENTS);
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let mut stream = open();
        for chunk in black_box(&chunks) {
            stream
                .push(chunk.clone())
                .expect("a sample's events are small");
            while let Some(step) = stream.next_step() {
                black_box(step);
            }
        }
        assert!(stream.is_complete() || stream.finish().whole().is_some());
    });
}
