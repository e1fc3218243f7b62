//! What is known of models: what they take, how large they are, what they cost.
//!
//! A [`Catalog`] is a list of rows, one a model at a provider, read from text: the [embedded](Catalog::embedded) one
//! was written from the providers' public pages, an operator's own file is [laid over](Catalog::overlay) it. A lookup
//! finds a [`ModelRow`] by whatever id a request may carry, the [traits](Catalog::traits) tell a translation what
//! the model takes and refuses, and its [`Prices`] turn a usage into money.
//!
//! Refuses: IO, clocks, floating point, guessing a price.
//!
//! ```
//! use ferrogate_catalog::{Catalog, Tier};
//! use ferrogate_types::Usage;
//!
//! let own = Catalog::parse("provider local\nmodel llama chat in=0.1 out=0.3\n", "models.catalog").unwrap();
//! let catalog = Catalog::embedded().clone().overlay(own);
//! let usage = Usage { input: 1_000_000, output: 2_000_000, ..Usage::default() };
//! let cost = catalog.get("local", "llama").and_then(|row| row.prices.cost(&usage, Tier::Standard));
//! assert_eq!(cost.unwrap().to_string(), "0.7");
//! ```

mod capability;
mod catalog;
mod cost;
mod date;
mod embedded;
mod error;
mod family;
mod glob;
mod identity;
mod parse;
mod prices;
mod row;
mod said;
mod words;

pub use capability::{Capabilities, Capability};
pub use catalog::Catalog;
pub use date::{Date, DateError};
pub use error::{CatalogError, Problem};
pub use prices::{Bucket, Prices, Quote, Tier};
pub use row::{Lifecycle, Mode, ModelRow, Status};
