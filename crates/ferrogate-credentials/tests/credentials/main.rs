//! Each source of a credential against a strict fake of its server.

#![expect(clippy::unwrap_used, reason = "a fake that fails has to fail its test")]

mod aws;
mod aws_files;
mod databricks;
mod entra;
mod google;
mod google_external;
mod support;
