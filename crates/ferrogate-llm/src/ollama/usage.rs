//! Counts of tokens, beside the answer.

use ferrogate_types::Usage;

use crate::json::{Object, Writer};

/// Takes them; `None` where there are none. The prompt's is left out when the prompt was cached whole.
pub(super) fn take(object: &mut Object<'_>) -> Option<Usage> {
    let input = object.unsigned("prompt_eval_count").ok().flatten();
    let output = object.unsigned("eval_count").ok().flatten();
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        ..Usage::default()
    })
}

/// Writes them.
pub(super) fn write(usage: &Usage, w: &mut Writer) {
    w.member("prompt_eval_count", &usage.input);
    w.member("eval_count", &usage.output);
}
