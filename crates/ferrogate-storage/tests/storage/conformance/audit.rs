//! The audit trail.

use ferrogate_storage::{AuditFilter, AuditStore, AuditVerdict, NewAudit, Page, Total};
use ferrogate_types::Timestamp;

use crate::place::{Place, nodes};

fn entry(second: i64, action: &str, actor: &str) -> NewAudit {
    NewAudit {
        occurred_at: Timestamp::from_millis(second * 1_000),
        action: action.to_owned(),
        actor_id: actor.to_owned(),
        target_id: Some("key_a".to_owned()),
        outcome: "ok".to_owned(),
        source_ip: None,
        detail: r#"{ "name": "é \u0000", "n": [1, 2] }"#.to_owned(),
    }
}

pub(super) async fn chains_rows(place: &Place) {
    let store = place.store();
    let empty = AuditVerdict::Intact {
        rows: 0,
        head: "0".repeat(64),
    };
    assert_eq!(store.verify_audit().await, Ok(empty));
    let first = store
        .append_audit(&entry(1, "key.create", "ann"))
        .await
        .unwrap();
    let second = store
        .append_audit(&entry(2, "odd\0action", "ann"))
        .await
        .unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_eq!(first.prev_hash, "0".repeat(64));
    assert_eq!(second.prev_hash, first.hash);
    let intact = AuditVerdict::Intact {
        rows: 2,
        head: second.hash.clone(),
    };
    assert_eq!(store.verify_audit().await, Ok(intact));
    let kept = store.audit(&AuditFilter::default(), Page::first(10)).await;
    assert_eq!(kept.unwrap().rows, [second, first]);
}

pub(super) async fn many_write_one_chain(place: &Place) {
    let writers: Vec<_> = nodes(place, 4)
        .into_iter()
        .enumerate()
        .map(|(number, store)| {
            tokio::spawn(async move {
                for second in 0..10 {
                    let entry = entry(second, "key.update", &format!("node {number}"));
                    store.append_audit(&entry).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    if place.is_shared() {
        let verdict = place.store().verify_audit().await.unwrap();
        assert!(
            matches!(verdict, AuditVerdict::Intact { rows: 40, .. }),
            "{verdict:?}"
        );
    }
}

pub(super) async fn filters_and_pages(place: &Place) {
    let store = place.store();
    for second in 0..10 {
        let action = if second % 2 == 0 { "a" } else { "b" };
        let actor = if second < 5 { "ann" } else { "bob" };
        store
            .append_audit(&entry(second, action, actor))
            .await
            .unwrap();
    }
    let of = |action: &str, actor: &str| AuditFilter {
        action: Some(action.to_owned()),
        actor_id: Some(actor.to_owned()),
        target_id: Some("key_a".to_owned()),
        outcome: Some("ok".to_owned()),
        ..AuditFilter::default()
    };
    let listed = store.audit(&of("a", "ann"), Page::first(10)).await.unwrap();
    let numbers: Vec<u64> = listed.rows.iter().map(|row| row.seq).collect();
    assert_eq!((numbers, listed.next), (vec![5, 3, 1], None));
    let within = AuditFilter {
        since: Some(Timestamp::from_millis(2_000)),
        until: Some(Timestamp::from_millis(4_000)),
        ..AuditFilter::default()
    };
    let listed = store.audit(&within, Page::first(1)).await.unwrap();
    assert_eq!((listed.rows[0].seq, listed.total), (4, Total::Exactly(2)));
    let next = Page::first(1).after(listed.next.unwrap());
    let listed = store.audit(&within, next).await.unwrap();
    assert_eq!((listed.rows[0].seq, listed.next), (3, None));
}
