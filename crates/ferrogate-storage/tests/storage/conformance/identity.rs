//! Keys, tenants and sessions through the traits that `ferrogate-auth` owns.

use std::sync::Arc;

use ferrogate_auth::{
    CredentialId, GeneratedHashes, KeyCredential, KeyDigest, KeyRecord, KeySpec, KeyStore, KeyUse,
    SessionRecord, SessionStore, StoreError, TenantRecord, TenantSpec, TenantStore,
};
use ferrogate_storage::{self as storage, Expected, Store};
use ferrogate_types::{Scope, TenantId};

use crate::place::Place;

fn key(id: &str) -> KeyRecord {
    let hashes = GeneratedHashes::new(KeyDigest::of(&format!("secret of {id}")));
    let mut spec = KeySpec::new(id.parse().unwrap(), KeyCredential::Generated(hashes));
    spec.scopes = [Scope::ChatCompletions].into_iter().collect();
    KeyRecord {
        spec: Arc::new(spec),
        limits: r#"{"monthly_token_budget":7}"#.to_owned(),
        created_at: 1_790_000_000,
        updated_at: 1_790_000_000,
        rotated_at: None,
        revoked_at: None,
        last_used_at: None,
        usage_count: 0,
        version: 0,
    }
}

fn tenant(id: &str, parent: Option<&str>) -> TenantRecord {
    let id: TenantId = id.parse().unwrap();
    TenantRecord {
        spec: TenantSpec::new(id, parent.map(|parent| parent.parse().unwrap())),
        limits: String::new(),
        created_at: 1_790_000_000,
        updated_at: 1_790_000_000,
        version: 0,
    }
}

fn is_conflict<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict))
}

async fn only_key(store: &Store) -> KeyRecord {
    let mut keys = store.load_keys().await.unwrap().records;
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

pub(super) async fn keys_change_from_version_to_version(place: &Place) {
    let store = place.store();
    let none = store.load_keys().await.unwrap();
    assert!(none.records.is_empty() && !none.ever_issued);
    let nothing_yet = store.key_revision().await.unwrap();

    let first = store.save_key(&key("k"), 0).await.unwrap();
    assert!(is_conflict(&store.save_key(&key("k"), 0).await));
    assert!(is_conflict(&store.save_key(&key("other"), first).await));
    let used = KeyUse {
        id: "k".parse().unwrap(),
        last_used: 1_790_000_007,
        uses: 3,
    };
    store.add_key_uses(&[used]).await.unwrap();

    let mut rotated = key("k");
    let hashes = GeneratedHashes::new(KeyDigest::of("old")).rotated(KeyDigest::of("new"), 99);
    Arc::make_mut(&mut rotated.spec).credential = KeyCredential::Generated(hashes);
    let second = store.save_key(&rotated, first).await.unwrap();
    assert!(second > first);
    assert!(is_conflict(&store.save_key(&rotated, first).await));

    let kept = only_key(&store).await;
    assert_eq!((kept.version, kept.usage_count), (second, 3));
    assert_eq!(kept.last_used_at, Some(1_790_000_007));
    assert_eq!(kept.limits, rotated.limits);
    let KeyCredential::Generated(kept) = kept.spec.credential else {
        panic!("a generated key became another");
    };
    assert_eq!(kept, hashes);

    let before = store.key_revision().await.unwrap();
    assert!(before > nothing_yet);
    let id = "k".parse().unwrap();
    assert!(store.delete_key(&id).await.unwrap());
    assert!(!store.delete_key(&id).await.unwrap());
    assert!(store.key_revision().await.unwrap() > before);
    let gone = store.load_keys().await.unwrap();
    assert!(gone.records.is_empty() && gone.ever_issued);
}

pub(super) async fn settings_of_a_newer_version_are_kept(place: &Place) {
    let store = place.store();
    let version = store.save_key(&key("k"), 0).await.unwrap();
    let id = "k".parse().unwrap();
    let kept = async || storage::KeyStore::key(&*store, &id).await.unwrap().unwrap();
    let newer = storage::KeyRecord {
        settings: r#"{"orbit":{"height":1.50},"denied_models":["gone"]}"#.to_owned(),
        ..kept().await
    };
    let version = storage::KeyStore::put_key(&*store, &newer, Expected::Version(version))
        .await
        .unwrap();
    store.save_key(&key("k"), version).await.unwrap();
    assert_eq!(
        kept().await.settings,
        r#"{"limits":{"monthly_token_budget":7},"orbit":{"height":1.50},"scopes":["chat.completions"]}"#
    );
}

pub(super) async fn many_keys_come_page_by_page(place: &Place) {
    let store = place.store();
    for number in 0..1_001 {
        let key = key(&format!("key-{number:04}"));
        store.save_key(&key, 0).await.unwrap();
    }
    let keys = store.load_keys().await.unwrap().records;
    assert_eq!(keys.len(), 1_001);
    let ids = keys.iter().map(|key| key.spec.id.to_string());
    assert!(ids.eq((0..1_001).map(|number| format!("key-{number:04}"))));
}

/// One that somebody broke by hand takes no other with it, and permits nothing.
pub(super) async fn what_is_damaged_is_shut_by_itself(place: &Place) {
    let store = place.store();
    for id in ["a", "b", "c"] {
        store.save_key(&key(id), 0).await.unwrap();
    }
    for (id, parent) in [
        ("root", None),
        ("team", Some("root")),
        ("leaf", Some("team")),
    ] {
        store.save_tenant(&tenant(id, parent), 0).await.unwrap();
    }
    let broken = storage::KeyRecord {
        secret_hash: "the secret itself".to_owned(),
        ..storage::key_to_store(&key("b"), None).unwrap()
    };
    storage::KeyStore::put_key(&*store, &broken, Expected::Present)
        .await
        .unwrap();
    let broken = storage::TenantRecord {
        settings: r#"{"allowed_models":7}"#.to_owned(),
        ..storage::tenant_to_store(&tenant("team", Some("root")), None).unwrap()
    };
    storage::TenantStore::put_tenant(&*store, &broken, Expected::Present)
        .await
        .unwrap();

    let keys = store.load_keys().await.unwrap().records.into_iter();
    assert!(keys.map(|key| key.spec.id.to_string()).eq(["a", "c"]));
    let tenants = store.load_tenants().await.unwrap();
    let specs = tenants.into_iter().map(|tenant| tenant.spec);
    let tree = ferrogate_auth::TenantTree::new(specs.collect()).unwrap();
    let usable = |id: &str| tree.require_usable(&id.parse().unwrap(), 0).is_ok();
    assert!(usable("root") && !usable("team") && !usable("leaf"));
}

pub(super) async fn tenants_change_from_version_to_version(place: &Place) {
    let store = place.store();
    let mut root = tenant("root", None);
    root.spec.scopes = Some([Scope::ModelsRead].into_iter().collect());
    root.spec.expires = Some(1_890_000_000);
    let first = store.save_tenant(&root, 0).await.unwrap();
    assert!(is_conflict(&store.save_tenant(&root, 0).await));
    root.spec.disabled = true;
    let second = store.save_tenant(&root, first).await.unwrap();
    assert!(is_conflict(&store.save_tenant(&root, first).await));
    root.version = second;
    assert_eq!(store.load_tenants().await.unwrap(), [root]);

    store
        .save_tenant(&tenant("leaf", Some("root")), 0)
        .await
        .unwrap();
    let (root, leaf) = ("root".parse().unwrap(), "leaf".parse().unwrap());
    // Somebody is still below it.
    let in_use = store.delete_tenant(&root).await;
    assert!(matches!(in_use, Err(StoreError::Failed(_))), "{in_use:?}");
    for id in [leaf, root] {
        assert!(store.delete_tenant(&id).await.unwrap());
        assert!(!store.delete_tenant(&id).await.unwrap());
    }
}

pub(super) async fn sessions_survive_a_restart(place: &Place) {
    let store = place.store();
    let session = |id: &str, credential, ends| SessionRecord {
        id: id.to_owned(),
        digest: KeyDigest::of(id),
        credential,
        address: "2001:db8::1".parse().ok(),
        created_at: 1_790_000_000,
        last_seen_at: 1_790_000_000,
        expires_at: ends,
    };
    let of_key = session("a", CredentialId::Key("k".parse().unwrap()), 1_790_000_100);
    let of_master = session("b", CredentialId::Master, 1_790_000_200);
    let over = session("c", CredentialId::Master, 1_790_000_050);
    let all = [of_key.clone(), of_master.clone(), over];
    store.save_sessions(&all).await.unwrap();
    let seen = SessionRecord {
        last_seen_at: 1_790_000_060,
        ..of_key
    };
    store
        .save_sessions(std::slice::from_ref(&seen))
        .await
        .unwrap();
    let kept = store.load_sessions(1_790_000_050).await.unwrap();
    assert_eq!(kept, [seen, of_master.clone()]);
    let ended = ["a", "never"].map(str::to_owned);
    store.delete_sessions(&ended).await.unwrap();
    store.delete_sessions(&[]).await.unwrap();
    assert_eq!(store.load_sessions(0).await.unwrap().len(), 2);
    assert_eq!(
        store.load_sessions(1_790_000_150).await.unwrap(),
        [of_master]
    );
}
