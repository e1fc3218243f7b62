//! Streams that are ended at any byte, however the network cut them.

use ferrogate_llm::{Dialect, Framing, RelayedStream, StreamWatch, Surface};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{
    CALLER, Cut, DIALECTS, LIMIT, STREAMS, assert_ended, data, end, frames, has_told,
};

/// The pieces of these bytes, cut at these places.
fn pieces<'b>(bytes: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = places
        .iter()
        .map(|place| place.index(bytes.len() + 1))
        .collect();
    at.sort_unstable();
    at.push(bytes.len());
    let mut from = 0;
    at.into_iter()
        .map(|to| {
            let piece = bytes.get(from..to).expect("the places are in order");
            from = to;
            piece
        })
        .collect()
}

/// Bytes of the frames that are whole within the first `at`; a frame is whole with its blank line, of which the last
/// line feed may be missing.
fn whole_frames(dialect: Dialect, all: &[Cut], at: usize) -> usize {
    let late = usize::from(dialect.protocol().framing() == Framing::Sse);
    let mut end = 0;
    all.iter()
        .take_while(|cut| {
            end += cut.raw.len();
            let crlf = cut.raw.ends_with(b"\r\n");
            end <= at + if crlf { late } else { 0 }
        })
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn wherever_it_is_cut_it_ends_well(
        stream in prop::sample::select(&STREAMS[..]),
        to in prop::sample::select(&DIALECTS[..]),
        at in any::<Index>(),
        places in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let (from, path) = stream;
        let bytes = data(path);
        let all = frames(from, &bytes);
        let at = at.index(bytes.len() + 1);
        let count = whole_frames(from, &all, at);
        let pieces = pieces(&bytes[..at], &places);
        let told = has_told(from, &all[..count]);
        let surface = match from {
            Dialect::OpenAiChat => Some(Surface::CHAT),
            Dialect::OpenAiText => Some(Surface::COMPLETIONS),
            Dialect::OpenAiResponses => Some(Surface::RESPONSES),
            _ => None,
        };
        let watching = surface.map(|surface| {
            let watch = StreamWatch::new(surface, false);
            (from, RelayedStream::watching(watch, CALLER.model, LIMIT))
        });
        let others = [
            (from, RelayedStream::passing(from, CALLER.model, LIMIT)),
            (to, RelayedStream::translating(from, to, &CALLER, LIMIT)),
        ];
        for (caller, stream) in others.into_iter().chain(watching) {
            let outcome = end(stream, &CALLER, pieces.iter().copied());
            if !outcome.was_over {
                let case = format!("{path} to {caller:?} at {at}");
                assert_ended(caller, &outcome.whole(), told, &case);
            }
        }
    }
}
