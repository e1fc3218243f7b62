//! Dialects of clouds, against recorded bodies: Converse, Replicate, embeddings, rerank, pictures, sound.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read has to fail its test"
)]

mod converse;
mod embeddings;
mod hostile;
mod images;
mod replicate;
mod rerank;
mod sound;
mod support;
