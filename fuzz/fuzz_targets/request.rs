//! A request of any dialect, however broken, for a provider of any other: refused, or an object.

#![no_main]

mod dialects;

use bytes::Bytes;
use dialects::{assert_object, pair};
use ferrogate_llm::{
    Address, Dialect, Lossy, ModelRequest, ModelTraits, Quirk, Surface, TargetProfile,
    ThinkingStyle,
};
use libfuzzer_sys::fuzz_target;

/// Departures that change what is written.
const QUIRKS: [Quirk; 16] = [
    Quirk::MaxTokens,
    Quirk::NoDeveloperRole,
    Quirk::NoMessageNames,
    Quirk::NoStreamOptions,
    Quirk::TextContent,
    Quirk::TextToolResults,
    Quirk::PairedToolResults,
    Quirk::AnyForRequired,
    Quirk::NoStrictTools,
    Quirk::NineCharacterIds,
    Quirk::NumericLogprobs,
    Quirk::OneChoice,
    Quirk::ReplaysReasoning,
    Quirk::ThinkingSwitch,
    Quirk::EnableThinking,
    Quirk::CacheControl,
];

// The first byte chooses the pair, the next two what is known of model and provider; the rest is the body.
fuzz_target!(|data: &[u8]| {
    let [choice, known, odd, data @ ..] = data else {
        return;
    };
    let (from, to) = pair(*choice);
    routed(from, data);
    let address = Address {
        model: Some("asked".into()),
        stream: odd & 1 != 0,
    };
    let Ok(mut request) = from.protocol().read_request(data, address) else {
        return;
    };
    request.unfold_thought_ids();
    let traits = ModelTraits {
        thinking: ThinkingStyle::ALL[usize::from(known % 10)],
        sampling: known & 16 == 0,
        tools_with_schema: known & 32 == 0,
        json_schema: known & 64 == 0,
        system_in_messages: known & 128 != 0,
        call_ids: odd & 2 == 0,
        max_output_tokens: (odd & 4 != 0).then_some(1000),
        parallel_tools: odd & 8 == 0,
        ..ModelTraits::default()
    };
    let (first, second) = (odd / 16, known % 16);
    let target = TargetProfile {
        model: "sent-to",
        traits: &traits,
        quirks: &[QUIRKS[usize::from(first)], QUIRKS[usize::from(second)]],
    };
    let mut lossy = Lossy::new(from);
    let written = to.protocol().write_request(&request, &target, &mut lossy);
    if let Ok(body) = written {
        assert_object(&body, to.as_str());
    }
    let mut stream = to.protocol().emulation(&request, &target).stream();
    stream.pass(ferrogate_llm::chat::Event::End, drop);
});

/// What routing needs is found again once the model is another.
fn routed(dialect: Dialect, data: &[u8]) {
    const MODEL: &str = "up/\"stream\"\n";
    let path = match dialect {
        Dialect::OpenAiResponses => "/v1/responses",
        Dialect::Anthropic => "/v1/messages",
        Dialect::Cohere => "/v2/chat",
        _ => "/v1/chat/completions",
    };
    let (surface, _) = Surface::at(path).expect("the path has a surface");
    if let Ok(request) = ModelRequest::decode(surface, None, Bytes::copy_from_slice(data)) {
        let again = ModelRequest::decode(surface, None, request.rewrite(MODEL))
            .expect("a rewritten body is a request");
        assert_eq!(again.model(), MODEL);
        assert_eq!(again.stream(), request.stream());
    }
}
