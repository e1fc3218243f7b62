//! Certificates from files, and the choice among them at the handshake.
//!
//! [`load_certified_key`] reads a PEM chain and key and checks that they belong together; a [`CertificateStore`]
//! picks one by the name the client sends and can be replaced while running.
//!
//! Refuses: a key that does not fit its certificate, and reading anything but PEM.

mod load;
mod store;

pub use load::{CertificateError, load_certified_key};
pub use store::{CertificateStore, server_config};
