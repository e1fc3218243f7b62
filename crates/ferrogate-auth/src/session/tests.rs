use super::*;

fn key(id: &str) -> CredentialId {
    CredentialId::Key(id.parse().unwrap())
}

#[test]
fn a_session_ends_by_age_by_idleness_and_by_revocation() {
    let sessions = Sessions::default();
    let begin = |now| sessions.begin(key("k"), None, now).unwrap();
    let idle = begin(0);
    let cookie = idle.cookie.expose();
    assert!(sessions.check(cookie, IDLE - 1).is_some());
    assert!(sessions.check(cookie, 2 * IDLE - 2).is_some());
    assert!(sessions.check(cookie, 4 * IDLE).is_none());

    let old = begin(0);
    let seen = (0..LIFETIME).step_by(1800);
    assert!(
        seen.into_iter()
            .all(|now| sessions.check(old.cookie.expose(), now).is_some())
    );
    assert!(sessions.check(old.cookie.expose(), LIFETIME).is_none());

    let revoked = begin(0);
    assert!(sessions.revoke(&revoked.record.id) && !sessions.revoke(&revoked.record.id));
    assert!(sessions.check(revoked.cookie.expose(), 1).is_none());
    assert!(sessions.check("fgs_guess", 1).is_none() && sessions.check("", 1).is_none());
}

#[test]
fn all_sessions_of_a_credential_end_together() {
    let sessions = Sessions::default();
    let [one, two, other] = [key("k"), key("k"), CredentialId::Master]
        .map(|credential| sessions.begin(credential, None, 0).unwrap());
    assert_eq!(sessions.revoke_all(Some(&key("k"))).len(), 2);
    let alive = |session: &NewSession| sessions.check(session.cookie.expose(), 1).is_some();
    assert!(!alive(&one) && !alive(&two) && alive(&other));
    assert_eq!(sessions.revoke_all(None), [other.record.id]);
    assert_eq!(sessions.list(1), []);
}

#[test]
fn sessions_survive_a_restart_and_are_written_at_most_once_a_minute() {
    let before = Sessions::default();
    let session = before.begin(CredentialId::Master, None, 0).unwrap();
    let cookie = session.cookie.expose();
    before.check(cookie, 59).unwrap();
    assert_eq!(before.sweep(59), (vec![], vec![]));
    before.check(cookie, 60).unwrap();
    let (written, _) = before.sweep(61);
    assert_eq!(written[0].last_seen_at, 60);
    assert_eq!(before.sweep(62), (vec![], vec![]));

    let after = Sessions::default();
    after.restore(written, 70);
    assert_eq!(after.check(cookie, 70).unwrap().id(), session.record.id);
    let (_, over) = after.sweep(70 + IDLE);
    assert_eq!(over, [session.record.id]);
}

#[test]
fn a_cookie_alone_changes_nothing() {
    let sessions = Sessions::default();
    let [one, two] = [(); 2].map(|()| sessions.begin(key("k"), None, 0).unwrap());
    assert!(csrf_fits(one.cookie.expose(), one.csrf.expose()));
    assert!(!csrf_fits(one.cookie.expose(), two.csrf.expose()));
    assert!(!csrf_fits(one.cookie.expose(), ""));
}

#[test]
fn there_are_never_too_many() {
    let sessions = Sessions::default();
    let first = sessions.begin(key("k"), None, 0).unwrap();
    let second = sessions.begin(key("k"), None, 1).unwrap();
    for _ in 0..MOST - 1 {
        sessions.begin(key("k"), None, 2).unwrap();
    }
    assert_eq!(sessions.list(2).len(), MOST);
    assert!(sessions.check(first.cookie.expose(), 2).is_none());
    assert!(sessions.check(second.cookie.expose(), 2).is_some());
}

#[test]
fn names_of_credentials_round_trip() {
    for credential in [
        key("k"),
        key("key:x"),
        key("master-key"),
        CredentialId::Master,
    ] {
        assert_eq!(credential.to_string().parse(), Ok(credential));
    }
    assert!("other".parse::<CredentialId>().is_err());
}
