//! Anthropic's Messages and OpenAI's Responses against recorded bodies.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read has to fail its test"
)]

mod hostile;
mod messages;
mod responses;
mod support;
