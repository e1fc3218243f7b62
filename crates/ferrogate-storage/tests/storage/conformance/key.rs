//! Keys.

use ferrogate_storage::{
    Expected, KeyChange, KeyRecord, KeyStore, KeyUse, PreviousSecret, StoreError,
};
use ferrogate_types::Timestamp;

use crate::place::Place;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
}

pub(crate) fn key(id: &str) -> KeyRecord {
    KeyRecord {
        id: id.parse().unwrap(),
        name: format!("key {id} — ключ"),
        prefix: "fg_ab".to_owned(),
        secret_hash: "sha256:00".to_owned(),
        previous: None,
        tenant: None,
        user: None,
        settings: r#"{"scopes":["models.read"]}"#.to_owned(),
        disabled: false,
        revoked_at: None,
        expires: None,
        created_at: at(0),
        updated_at: at(0),
        rotated_at: None,
        last_used_at: None,
        usage_count: 0,
        version: 0,
    }
}

pub(super) async fn keeps_what_it_was_given(place: &Place) {
    let store = place.store();
    let plain = key("plain");
    let full = KeyRecord {
        previous: Some(PreviousSecret {
            hash: "sha256:11".to_owned(),
            valid_until: at(60),
        }),
        tenant: Some("acme".parse().unwrap()),
        user: Some("ann@example.com".parse().unwrap()),
        disabled: true,
        revoked_at: Some(at(1)),
        expires: Some(at(2)),
        updated_at: at(3),
        rotated_at: Some(at(4)),
        ..key("full")
    };
    for key in [plain, full] {
        let version = store.put_key(&key, Expected::Absent).await.unwrap();
        let kept = store.key(&key.id).await.unwrap();
        assert_eq!(kept, Some(KeyRecord { version, ..key }));
    }
    assert_eq!(store.key(&"none".parse().unwrap()).await, Ok(None));
}

pub(super) async fn refuses_what_was_not_expected(place: &Place) {
    let store = place.store();
    let mut key = key("a");
    assert_eq!(
        store.put_key(&key, Expected::Present).await,
        Err(StoreError::Missing("a key `a`".to_owned()))
    );
    let first = store.put_key(&key, Expected::Absent).await.unwrap();
    assert_eq!(
        store.put_key(&key, Expected::Absent).await,
        Err(StoreError::Exists("a key `a`".to_owned()))
    );
    "changed".clone_into(&mut key.name);
    let second = store.put_key(&key, Expected::Version(first)).await.unwrap();
    assert!(second > first);
    let stale = StoreError::Stale {
        what: "a key `a`".to_owned(),
        expected: first,
        found: second,
    };
    assert_eq!(
        store.put_key(&key, Expected::Version(first)).await,
        Err(stale.clone())
    );
    assert_eq!(
        store.delete_key(&key.id, Expected::Version(first)).await,
        Err(stale)
    );
    store
        .delete_key(&key.id, Expected::Version(second))
        .await
        .unwrap();
    // One that is made again has a version no one before it had.
    let third = store.put_key(&key, Expected::Absent).await.unwrap();
    assert!(third > second);
}

pub(super) async fn counts_uses(place: &Place) {
    let store = place.store();
    let id = key("a").id;
    let version = store.put_key(&key("a"), Expected::Absent).await.unwrap();
    let used = |seconds, uses| KeyUse {
        id: id.clone(),
        last_used_at: at(seconds),
        uses,
    };
    let unknown = KeyUse {
        id: "gone".parse().unwrap(),
        ..used(9, 9)
    };
    store.note_uses(&[used(10, 3), unknown]).await.unwrap();
    store.note_uses(&[used(5, 2)]).await.unwrap();
    store.note_uses(&[]).await.unwrap();
    // A change of the key leaves its uses as they are.
    store.put_key(&key("a"), Expected::Present).await.unwrap();
    let kept = store.key(&id).await.unwrap().unwrap();
    assert_eq!((kept.usage_count, kept.last_used_at), (5, Some(at(10))));
    assert!(kept.version > version);
}

pub(super) async fn tells_what_changed(place: &Place) {
    let store = place.store();
    for id in ["a", "b", "c"] {
        store.put_key(&key(id), Expected::Absent).await.unwrap();
    }
    let names = |changes: Vec<KeyChange>| -> Vec<String> {
        let name = |change| match change {
            KeyChange::Put(key) => key.id.to_string(),
            KeyChange::Deleted(id) => format!("-{id}"),
        };
        changes.into_iter().map(name).collect()
    };
    let (changes, seen) = store.key_changes(0, 2).await.unwrap();
    assert_eq!(names(changes), ["a", "b"]);
    let (changes, seen) = store.key_changes(seen, 2).await.unwrap();
    assert_eq!(names(changes), ["c"]);

    store.put_key(&key("b"), Expected::Present).await.unwrap();
    let gone = "a".parse().unwrap();
    store.delete_key(&gone, Expected::Present).await.unwrap();
    let (changes, seen) = store.key_changes(seen, 10).await.unwrap();
    assert_eq!(names(changes), ["b", "-a"]);

    store.put_key(&key("a"), Expected::Absent).await.unwrap();
    let (changes, seen) = store.key_changes(seen, 10).await.unwrap();
    assert_eq!(names(changes), ["a"]);
    assert_eq!(store.key_changes(seen, 10).await, Ok((Vec::new(), seen)));
}

pub(super) async fn remembers_that_there_was_one(place: &Place) {
    let store = place.store();
    assert_eq!(store.keys_existed().await, Ok(false));
    store.put_key(&key("a"), Expected::Absent).await.unwrap();
    store
        .delete_key(&key("a").id, Expected::Present)
        .await
        .unwrap();
    assert_eq!(store.keys_existed().await, Ok(true));
    store.note_keys_existed().await.unwrap();
    assert_eq!(store.keys_existed().await, Ok(true));
}

pub(super) async fn lists_in_order(place: &Place) {
    let store = place.store();
    // By bytes, whatever a language would have.
    let ids = ["B", "Z", "_", "a", "b", "z", "é"];
    for id in ids.iter().rev() {
        store.put_key(&key(id), Expected::Absent).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let keys = store.keys(after.as_ref(), 3).await.unwrap();
        let Some(last) = keys.last() else { break };
        after = Some(last.id.clone());
        listed.extend(keys.iter().map(|key| key.id.to_string()));
    }
    assert_eq!(listed, ids);
}
