//! Sessions of the console, and answers that may be asked for again.

use ferrogate_storage::{AnswerStore, KeptAnswer, SessionRecord, SessionStore, StoreError};
use ferrogate_types::Timestamp;

use crate::place::Place;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn session(id: &str, opened: i64) -> SessionRecord {
    SessionRecord {
        id: id.to_owned(),
        token_hash: format!("hash of {id}"),
        csrf: "token".to_owned(),
        subject: "ann".to_owned(),
        key: Some("key_a".parse().unwrap()),
        scopes: "admin.read".to_owned(),
        source_ip: Some("2001:db8::1".to_owned()),
        created_at: at(opened),
        last_seen_at: at(opened),
        expires_at: at(opened + 100),
    }
}

pub(super) async fn keeps_sessions(place: &Place) {
    let store = place.store();
    let of_master = SessionRecord {
        key: None,
        source_ip: None,
        ..session("b", 20)
    };
    for session in [&session("a", 10), &of_master] {
        store
            .put_sessions(std::slice::from_ref(session))
            .await
            .unwrap();
        let found = store.session_by_token(&session.token_hash).await;
        assert_eq!(found, Ok(Some(session.clone())));
    }
    let again = SessionRecord {
        id: "c".to_owned(),
        ..session("a", 30)
    };
    assert!(matches!(
        store.put_sessions(&[again]).await,
        Err(StoreError::Exists(_))
    ));
    let seen = |session: SessionRecord, second| SessionRecord {
        last_seen_at: at(second),
        subject: "nobody".to_owned(),
        ..session
    };
    let seen = [seen(session("b", 20), 5), seen(session("a", 10), 50)];
    store.put_sessions(&seen).await.unwrap();
    let listed = store.sessions(10).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|session| {
            assert_eq!(session.subject, "ann");
            (session.id.as_str(), session.last_seen_at)
        })
        .collect();
    assert_eq!(listed, [("b", at(20)), ("a", at(50))]);
}

pub(super) async fn ends_sessions(place: &Place) {
    let store = place.store();
    for (id, opened) in [("a", 0), ("b", 50), ("c", 60), ("d", 70)] {
        store.put_sessions(&[session(id, opened)]).await.unwrap();
    }
    let other = SessionRecord {
        key: Some("key_b".parse().unwrap()),
        ..session("e", 90)
    };
    store
        .put_sessions(std::slice::from_ref(&other))
        .await
        .unwrap();
    // `a` is over, `b` was not used for too long.
    assert_eq!(store.expire_sessions(at(100), at(55)).await, Ok(2));
    assert_eq!(store.delete_session("c").await, Ok(true));
    assert_eq!(store.delete_session("c").await, Ok(false));
    let key = "key_a".parse().unwrap();
    assert_eq!(store.delete_sessions(Some(&key)).await, Ok(1));
    assert_eq!(store.sessions(10).await, Ok(vec![other]));
    assert_eq!(store.delete_sessions(None).await, Ok(1));
}

pub(super) async fn keeps_answers(place: &Place) {
    let store = place.store();
    let answer = KeptAnswer {
        actor: "ann".to_owned(),
        key: "once".to_owned(),
        fingerprint: "f".to_owned(),
        status: 201,
        etag: Some("\"7\"".to_owned()),
        body: "{}".to_owned(),
        created_at: at(10),
    };
    assert_eq!(store.keep_answer(&answer).await, Ok(None));
    let second = KeptAnswer {
        status: 409,
        ..answer.clone()
    };
    assert_eq!(store.keep_answer(&second).await, Ok(Some(answer.clone())));
    let of_other = KeptAnswer {
        actor: "bob".to_owned(),
        etag: None,
        created_at: at(20),
        ..answer
    };
    assert_eq!(store.keep_answer(&of_other).await, Ok(None));
    assert_eq!(store.forget_answers(at(20)).await, Ok(1));
    assert_eq!(store.kept_answer("ann", "once").await, Ok(None));
    assert_eq!(store.kept_answer("bob", "once").await, Ok(Some(of_other)));
}
