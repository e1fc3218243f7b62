//! A provider's whole answer, however broken, for a caller of any dialect: a fault, or an object.

#![no_main]

mod dialects;

use bytes::Bytes;
use dialects::{CALLER, assert_object, pair};
use ferrogate_llm::{ErrorBody, UpstreamFault, read_usage, with_model};
use libfuzzer_sys::fuzz_target;

// The first byte chooses the pair; the rest is the body.
fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let (from, to) = pair(choice);
    if let Ok(answer) = from.protocol().read_answer(data) {
        let written = to.protocol().write_answer(&answer, &CALLER);
        assert_object(&written, to.as_str());
        let read = to.protocol().read_answer(&written);
        drop(read);
    }
    let fault = UpstreamFault::in_answer(data).unwrap_or_else(|| UpstreamFault::read(data));
    let error = ErrorBody {
        message: &fault.message,
        kind: fault.kind.as_deref().unwrap_or_default(),
        param: fault.param.as_deref(),
        code: fault.code.as_deref().unwrap_or_default(),
        request_id: None,
    };
    assert_object(&to.protocol().error_body(&error), to.as_str());

    let _usage = read_usage(data);
    let body = Bytes::copy_from_slice(data);
    let named = with_model(from, &body, CALLER.model);
    assert_eq!(with_model(from, &named, CALLER.model), named);
});
