//! Dialects that vendors speak alone: Gemini, Cohere and Ollama, against recorded bodies and against each other.

mod errors;
mod gemini;
mod hostile;
mod requests;
mod streams;
mod support;
