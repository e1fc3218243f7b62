//! Revisions of the configuration.

use ferrogate_storage::{ConfigStore, NewRevision, StoreError};
use ferrogate_types::Timestamp;

use crate::place::Place;

fn revision(text: &str) -> NewRevision {
    NewRevision {
        text: text.to_owned(),
        format: "caddyfile".to_owned(),
        author: "ops".to_owned(),
        created_at: Timestamp::from_millis(5),
        rolled_back_from: None,
    }
}

pub(super) async fn keeps_revisions(place: &Place) {
    let store = place.store();
    assert_eq!(store.active_revision().await, Ok(None));
    let first = store.apply_revision(&revision("one"), None).await.unwrap();
    let second = store.apply_revision(&revision("two"), None).await.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    // SHA-256 of `one`.
    assert_eq!(
        first.checksum,
        "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    );
    assert_eq!(store.active_revision().await, Ok(Some(second.clone())));

    let back = NewRevision {
        rolled_back_from: Some(1),
        ..revision("one")
    };
    let third = store.apply_revision(&back, None).await.unwrap();
    assert_eq!(third.rolled_back_from, Some(1));
    assert_eq!(store.revision(1).await, Ok(Some(first.clone())));
    assert_eq!(store.revision(9).await, Ok(None));
    let history = store.revisions(None, 2).await.unwrap();
    assert_eq!(history, [third, second]);
    assert_eq!(store.revisions(Some(2), 9).await, Ok(vec![first]));

    store.clear_active_revision().await.unwrap();
    assert_eq!(store.active_revision().await, Ok(None));
    // The history goes on where it was.
    let fourth = store.apply_revision(&revision("four"), None).await;
    assert_eq!(fourth.unwrap().version, 4);
}

pub(super) async fn expects_the_newest(place: &Place) {
    let store = place.store();
    let stale = |expected, found| {
        Err(StoreError::Stale {
            what: "the configuration".to_owned(),
            expected,
            found,
        })
    };
    let apply = |expected| {
        let store = &store;
        async move {
            let applied = store.apply_revision(&revision("x"), Some(expected)).await;
            applied.map(|revision| revision.version)
        }
    };
    assert_eq!(apply(1).await, stale(1, 0));
    assert_eq!(apply(0).await, Ok(1));
    assert_eq!(apply(0).await, stale(0, 1));
    assert_eq!(apply(1).await, Ok(2));
}
