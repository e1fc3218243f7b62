//! Streams that are ended in the middle because no more is paid for, from every dialect to every dialect.

mod goldens;
mod passed;
mod split;
mod support;
mod translated;
mod wire;
