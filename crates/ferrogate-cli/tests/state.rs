//! What survives on the real binary: kills, stores that are away, restarts.

#[path = "state/books.rs"]
mod books;
#[path = "state/kills.rs"]
mod kills;
#[path = "state/outages.rs"]
mod outages;
#[path = "state/places.rs"]
mod places;
