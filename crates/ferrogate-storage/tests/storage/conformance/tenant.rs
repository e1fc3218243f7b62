//! Tenants, and what is kept like them.

use ferrogate_storage::{
    ChangeStore, ConfigStore, Document, DocumentKind, DocumentStore, Expected, Generations,
    KeyRecord, KeyStore, NewRevision, SessionStore, StoreError, TenantRecord, TenantStore,
};
use ferrogate_types::Timestamp;

use super::key::key;
use crate::place::Place;

fn tenant(id: &str, parent: Option<&str>) -> TenantRecord {
    TenantRecord {
        id: id.parse().unwrap(),
        parent: parent.map(|parent| parent.parse().unwrap()),
        name: id.to_uppercase(),
        settings: "{}".to_owned(),
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(2),
        version: 0,
    }
}

fn document(kind: DocumentKind, id: &str) -> Document {
    Document {
        kind,
        id: id.to_owned(),
        body: format!(r#"{{"id":"{id}"}}"#),
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(2),
        version: 0,
    }
}

pub(super) async fn keeps_a_tree(place: &Place) {
    let store = place.store();
    let (root, leaf) = (tenant("acme", None), tenant("acme-web", Some("acme")));
    let version = store.put_tenant(&root, Expected::Absent).await.unwrap();
    store.put_tenant(&leaf, Expected::Absent).await.unwrap();
    let kept = store.tenant(&root.id).await.unwrap();
    assert_eq!(
        kept,
        Some(TenantRecord {
            version,
            ..root.clone()
        })
    );
    let ids = store.tenants(None, 10).await.unwrap().into_iter();
    assert!(
        ids.map(|tenant| tenant.id)
            .eq([root.id.clone(), leaf.id.clone()])
    );

    let in_use = |what: &str, by: &str| {
        Err(StoreError::InUse {
            what: what.to_owned(),
            by: by.to_owned(),
        })
    };
    assert_eq!(
        store.delete_tenant(&root.id, Expected::Present).await,
        in_use("the tenant `acme`", "the tenant `acme-web`")
    );
    let of_leaf = KeyRecord {
        tenant: Some(leaf.id.clone()),
        ..key("a")
    };
    store.put_key(&of_leaf, Expected::Absent).await.unwrap();
    assert_eq!(
        store.delete_tenant(&leaf.id, Expected::Present).await,
        in_use("the tenant `acme-web`", "the key `a`")
    );
    store
        .delete_key(&of_leaf.id, Expected::Present)
        .await
        .unwrap();
    for id in [&leaf.id, &root.id] {
        store.delete_tenant(id, Expected::Present).await.unwrap();
    }
    assert_eq!(store.tenants(None, 10).await, Ok(Vec::new()));
}

pub(super) async fn documents_are_kept_by_kind(place: &Place) {
    let store = place.store();
    let policy = document(DocumentKind::Policy, "same");
    let budget = Document {
        body: "another".to_owned(),
        ..document(DocumentKind::Budget, "same")
    };
    for document in [&policy, &budget] {
        let version = store
            .put_document(document, Expected::Absent)
            .await
            .unwrap();
        let kept = store.document(document.kind, &document.id).await.unwrap();
        let expected = Document {
            version,
            ..document.clone()
        };
        assert_eq!(kept, Some(expected));
    }
    assert!(matches!(
        store.put_document(&policy, Expected::Version(99)).await,
        Err(StoreError::Stale { expected: 99, .. })
    ));
    store
        .delete_document(DocumentKind::Policy, "same", Expected::Present)
        .await
        .unwrap();
    let policies = store.documents(DocumentKind::Policy, None, 9).await;
    assert_eq!(policies, Ok(Vec::new()));
    let budgets = store
        .documents(DocumentKind::Budget, None, 9)
        .await
        .unwrap();
    assert_eq!(budgets.len(), 1);
    let after = store.documents(DocumentKind::Budget, Some("same"), 9).await;
    assert_eq!(after, Ok(Vec::new()));
}

pub(super) async fn generations_move_with_their_kind(place: &Place) {
    let store = place.store();
    assert_eq!(store.generations().await, Ok(Generations::default()));
    store.put_key(&key("a"), Expected::Absent).await.unwrap();
    store.put_key(&key("a"), Expected::Present).await.unwrap();
    store
        .put_tenant(&tenant("t", None), Expected::Absent)
        .await
        .unwrap();
    for kind in [DocumentKind::Policy, DocumentKind::Budget] {
        let document = document(kind, "d");
        store
            .put_document(&document, Expected::Absent)
            .await
            .unwrap();
    }
    // What is refused is no change.
    store
        .put_key(&key("a"), Expected::Absent)
        .await
        .unwrap_err();
    store
        .apply_revision(
            &NewRevision {
                text: "x".to_owned(),
                format: "caddyfile".to_owned(),
                author: "ops".to_owned(),
                created_at: Timestamp::from_millis(1),
                rolled_back_from: None,
            },
            None,
        )
        .await
        .unwrap();
    store.delete_sessions(None).await.unwrap();
    let expected = Generations {
        keys: 2,
        tenants: 1,
        policies: 1,
        budgets: 1,
        config: 1,
        sessions: 1,
    };
    assert_eq!(store.generations().await, Ok(expected));
}
