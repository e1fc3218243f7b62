//! A form with a file in it, however broken: refused, or the model in it can be replaced and nothing else changes.

#![no_main]

use bytes::Bytes;
use ferrogate_llm::{ModelRequest, Surface};
use libfuzzer_sys::fuzz_target;

// The first line is the content type; the rest is the body.
fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (kind, body) = data.split_at(end.unwrap_or(0));
    let body = Bytes::copy_from_slice(body.strip_prefix(b"\n").unwrap_or(body));
    let kind = String::from_utf8_lossy(kind);
    let (surface, _) = Surface::at("/v1/audio/transcriptions").expect("the path has a surface");
    let Ok(request) = ModelRequest::decode_form(surface, &kind, body.clone()) else {
        return;
    };
    assert_eq!(request.rewrite(request.model()), body);
    const MODEL: &str = "m";
    let rewritten = request.rewrite(MODEL);
    assert_eq!(
        rewritten.len() + request.model().len(),
        body.len() + MODEL.len()
    );
    let same = |one: &mut dyn Iterator<Item = (&u8, &u8)>| one.take_while(|(a, b)| a == b).count();
    let front = same(&mut rewritten.iter().zip(&body));
    let back = same(&mut rewritten.iter().rev().zip(body.iter().rev()));
    assert!(
        front + back + MODEL.len().max(request.model().len()) >= rewritten.len().min(body.len())
    );
});
