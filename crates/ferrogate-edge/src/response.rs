//! What is done to an answer once its header is there.

mod encode;
mod handlers;
mod layers;
mod matcher;

pub(crate) use self::encode::EncodeLayer;
pub use self::handlers::Handled;
pub(crate) use self::handlers::ResponseHandlers;
pub use self::layers::Finish;
pub(crate) use self::layers::{HeaderLayer, Layer};
pub(crate) use self::matcher::{ResponseCondition, accepts};
