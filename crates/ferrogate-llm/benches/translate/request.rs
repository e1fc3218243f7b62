//! Requests on their way to a provider.

use divan::{Bencher, black_box};
use ferrogate_llm::{Address, Dialect, Lossy, ModelRequest, ModelTraits, Surface, TargetProfile};

use crate::{Case, sample};

const SIZES: [usize; 4] = [1 << 10, 16 << 10, 256 << 10, 4 << 20];

/// The same dialect on both sides: decoded as far as routing needs, the model spliced.
#[divan::bench(args = SIZES)]
fn same(bencher: Bencher<'_, '_>, size: usize) {
    let body = sample::request(Dialect::OpenAiChat, size);
    bencher.bench_local(|| {
        let request = ModelRequest::decode(Surface::CHAT, None, black_box(&body).clone());
        request.expect("a sample is a request").rewrite("sent-to")
    });
}

/// All of it: decoded for routing, read, and written for the provider.
#[divan::bench(args = Case::all(&[
    (Dialect::OpenAiChat, Dialect::Anthropic),
    (Dialect::OpenAiChat, Dialect::Gemini),
    (Dialect::OpenAiChat, Dialect::Converse),
    (Dialect::OpenAiChat, Dialect::Cohere),
    (Dialect::OpenAiChat, Dialect::OpenAiResponses),
    (Dialect::Anthropic, Dialect::OpenAiChat),
], &SIZES))]
fn translated(bencher: Bencher<'_, '_>, case: &Case) {
    let body = sample::request(case.from, case.size);
    let surface = match case.from {
        Dialect::Anthropic => Surface::at("/v1/messages").map(|(surface, _)| surface),
        _ => Some(Surface::CHAT),
    };
    let surface = surface.expect("the path has a surface");
    let traits = ModelTraits::default();
    bencher.bench_local(|| {
        let routed = ModelRequest::decode(surface, None, black_box(&body).clone())
            .expect("a sample is a request");
        let mut request = case
            .from
            .protocol()
            .read_request(routed.body(), Address::default())
            .expect("a sample is a conversation");
        request.unfold_thought_ids();
        let target = TargetProfile {
            model: "sent-to",
            traits: &traits,
            quirks: &[],
        };
        let mut lossy = Lossy::new(case.from);
        case.to
            .protocol()
            .write_request(&request, &target, &mut lossy)
            .expect("a sample can be said in every dialect")
    });
}
