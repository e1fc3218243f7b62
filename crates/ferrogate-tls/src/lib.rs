//! Certificates from files, the choice among them at the handshake, and the check that checks nothing.
//!
//! [`load_certified_key`] reads a PEM chain and key and checks that they belong together; a [`CertificateStore`]
//! picks one by the name the client sends and can be replaced while running. [`AcceptAny`] is what a client uses that was
//! told not to check its server.
//!
//! Refuses: a key that does not fit its certificate, and reading anything but PEM.

mod accept_any;
mod load;
mod store;

pub use accept_any::AcceptAny;
pub use load::{CertificateError, load_certified_key};
pub use store::{CertificateStore, server_config};
