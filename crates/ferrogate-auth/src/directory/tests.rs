use ferrogate_types::{ScopeSet, Secret};

use super::*;
use crate::key::tests::spec;
use crate::{
    GeneratedHashes, GeneratedKey, GuardError, KeyChange, KeyCredential, KeyRecord, KeySpec,
};

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

fn record(key: &GeneratedKey, version: u64) -> KeyRecord {
    let credential = KeyCredential::Generated(GeneratedHashes::new(key.digest));
    KeyRecord {
        spec: Arc::new(KeySpec {
            scopes: ScopeSet::all(),
            ..KeySpec::new(key.id.clone(), credential)
        }),
        limits: String::new(),
        created_at: 1,
        updated_at: 1,
        rotated_at: None,
        revoked_at: None,
        last_used_at: None,
        usage_count: 0,
        version,
    }
}

fn changed(record: &KeyRecord, change: impl FnOnce(&mut KeySpec)) -> KeyRecord {
    let mut next = record.clone();
    next.version += 1;
    change(Arc::make_mut(&mut next.spec));
    next
}

fn directory(file: Vec<KeySpec>, master: Option<&str>) -> KeyDirectory {
    let master = master.and_then(|secret| MasterKey::new(&Secret::literal(secret)));
    KeyDirectory::new(
        Arc::new(Keyring::new(file)),
        Arc::new(Credentials::new(master, TokenVerifier::default())),
    )
}

async fn who(directory: &KeyDirectory, secret: &str, now: u64) -> Result<String, AuthError> {
    let principal = directory.authenticate(secret, None, now).await?;
    Ok(principal.to_string())
}

#[tokio::test]
async fn finds_every_sort_of_credential() {
    let directory = directory(vec![spec("file", "chosen")], Some("master"));
    let key = GeneratedKey::new(None).unwrap();
    directory.lasting.issued.upsert(record(&key, 1));
    let generated = format!("the key `{}`", key.id);
    let mut wrong = key.secret.expose().to_owned();
    let last = wrong.pop().unwrap();
    wrong.push(if last == 'x' { 'y' } else { 'x' });
    for (secret, expected) in [
        ("chosen", Ok("the key `file`")),
        ("master", Ok("master-key")),
        (key.secret.expose(), Ok(generated.as_str())),
        (&wrong, Err(AuthError::Unknown)),
        ("", Err(AuthError::Unknown)),
        ("eyJ.e30.", Err(AuthError::Unknown)),
    ] {
        let found = who(&directory, secret, 5).await;
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{secret}");
    }
}

#[tokio::test]
async fn a_change_takes_effect_on_the_next_request() {
    let directory = directory(Vec::new(), None);
    let issued = &directory.lasting.issued;
    let key = GeneratedKey::new(None).unwrap();
    let first = record(&key, 1);
    issued.upsert(first.clone());
    let secret = key.secret.expose();
    assert!(who(&directory, secret, 5).await.is_ok());

    let rotated = GeneratedKey::new(Some(key.id.clone())).unwrap();
    let second = changed(&first, |spec| {
        let hashes = GeneratedHashes::new(key.digest).rotated(rotated.digest, 10);
        spec.credential = KeyCredential::Generated(hashes);
    });
    issued.upsert(second.clone());
    assert!(who(&directory, secret, 9).await.is_ok());
    assert_eq!(who(&directory, secret, 10).await, Err(AuthError::Unknown));
    assert!(who(&directory, rotated.secret.expose(), 10).await.is_ok());

    let mut revoked = changed(&second, |_| {});
    revoked.revoked_at = Some(11);
    issued.upsert(revoked);
    let id = key.id.clone();
    let now = who(&directory, rotated.secret.expose(), 12).await;
    assert_eq!(now, Err(AuthError::Revoked(id.clone())));
    // What was written earlier and arrives later changes nothing.
    assert!(!issued.upsert(second));
    assert!(issued.remove(&id) && !issued.remove(&id));
    assert_eq!(
        who(&directory, rotated.secret.expose(), 12).await,
        Err(AuthError::Unknown)
    );
}

#[test]
fn the_last_key_opens_nothing_when_it_goes() {
    let open = directory(Vec::new(), None);
    assert!(open.is_open_to_local_callers());
    let key = GeneratedKey::new(None).unwrap();
    open.lasting.issued.upsert(record(&key, 1));
    assert!(!open.is_open_to_local_callers());
    open.lasting.issued.remove(&key.id);
    assert!(open.lasting.issued.is_empty() && !open.is_open_to_local_callers());

    let emptied = directory(Vec::new(), None);
    emptied.lasting.issued.replace_all(Vec::new(), true, 0);
    assert!(!emptied.is_open_to_local_callers());
    assert!(!directory(Vec::new(), Some("m")).is_open_to_local_callers());
    assert!(directory(Vec::new(), Some("")).is_open_to_local_callers());
    assert!(!directory(vec![spec("unset", "")], None).is_open_to_local_callers());
}

#[test]
fn the_store_wins_unless_something_changed_here_meanwhile() {
    let directory = directory(Vec::new(), None);
    let issued = &directory.lasting.issued;
    let [old, new] = [(); 2].map(|()| GeneratedKey::new(None).unwrap());
    issued.upsert(record(&old, 1));
    let before = issued.revision();
    issued.upsert(record(&new, 1));
    issued.replace_all(vec![record(&old, 1)], true, before);
    assert_eq!(issued.len(), 2);
    issued.replace_all(vec![record(&old, 1)], true, issued.revision());
    assert_eq!(issued.len(), 1);
    assert!(issued.get(old.id.as_str()).is_some());
}

#[tokio::test]
async fn uses_are_counted_and_handed_on_once() {
    let directory = directory(vec![spec("file", "chosen")], None);
    for now in [7, 8] {
        who(&directory, "chosen", now).await.unwrap();
    }
    let uses = directory.lasting.drain_uses();
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].uses, uses[0].last_used), (2, 8));
    assert_eq!(directory.lasting.drain_uses(), []);
    let next = Keyring::new(vec![spec("file", "chosen")]).succeeding(&directory.file);
    assert_eq!(next.get("file").unwrap().activity().uses(), 2);
}

#[tokio::test]
async fn guesses_are_few_and_good_keys_are_let_through() {
    let mut human = spec("human", "");
    let hash = crate::hash_secret("chosen").unwrap();
    human.credential = KeyCredential::Argon2(Secret::literal(hash));
    let directory = directory(vec![spec("plain", "good"), human], None);
    let ask = |secret: String| {
        let directory = &directory;
        async move { directory.authenticate(&secret, HERE, 100).await }
    };
    assert!(ask("chosen".to_owned()).await.is_ok());
    for _ in 0..20 {
        // The same wrong secret is verified once and counted each time.
        assert_eq!(
            ask("guess".to_owned()).await.unwrap_err(),
            AuthError::Unknown
        );
    }
    assert!(matches!(
        ask("another".to_owned()).await,
        Err(AuthError::TooManyGuesses(_))
    ));
    assert!(ask("good".to_owned()).await.is_ok());
    assert!(ask("chosen".to_owned()).await.is_ok());
}

#[test]
fn nobody_harms_themselves_or_locks_everybody_out() {
    let id = |text: &str| text.parse::<KeyId>().unwrap();
    let update = |scopes: &[Scope]| KeyChange::Update {
        scopes: scopes.iter().copied().collect(),
        disabled: false,
        expires: None,
    };
    let with = |scopes: &'static [Scope], version| {
        move |name: &str| {
            let key = GeneratedKey::new(Some(name.parse().unwrap())).unwrap();
            changed(&record(&key, version), |spec| {
                spec.scopes = scopes.iter().copied().collect();
            })
        }
    };
    let admin = with(&[Scope::AdminWrite, Scope::AdminRead], 1);
    let plain = with(&[Scope::ChatCompletions], 1);
    let directory = directory(vec![spec_without_scopes("file")], None);
    let issued = &directory.lasting.issued;
    issued.upsert(admin("a"));
    issued.upsert(plain("p"));
    let a = Principal::Key(directory.get("a").unwrap());
    let p = Principal::Key(directory.get("p").unwrap());
    let check = |actor: &Principal, target: &str, change: KeyChange| {
        directory
            .permit_change(actor, &id(target), &change, 50)
            .map(|_| ())
    };
    let all = update(&[Scope::AdminWrite, Scope::AdminRead, Scope::McpCall]);
    assert_eq!(
        check(&a, "gone", KeyChange::Remove),
        Err(GuardError::NotFound(id("gone")))
    );
    assert_eq!(
        check(&a, "file", KeyChange::Rotate),
        Err(GuardError::ManagedByFile(id("file")))
    );
    assert_eq!(
        check(&a, "a", KeyChange::Remove),
        Err(GuardError::SelfHarm(id("a")))
    );
    assert_eq!(
        check(&a, "a", all),
        Err(GuardError::WidensItself {
            key: id("a"),
            scope: Scope::McpCall
        })
    );
    assert_eq!(check(&a, "p", all), Ok(()));
    assert_eq!(check(&a, "a", KeyChange::Rotate), Ok(()));
    assert_eq!(check(&a, "p", KeyChange::Remove), Ok(()));
    // By somebody else, and by itself in a way that is no removal.
    for (actor, change) in [(&p, KeyChange::Remove), (&a, update(&[Scope::AdminRead]))] {
        assert_eq!(
            check(actor, "a", change),
            Err(GuardError::LastAdmin(id("a")))
        );
    }
    issued.upsert(changed(&admin("b"), |spec| spec.disabled = true));
    assert_eq!(
        check(&p, "a", KeyChange::Remove),
        Err(GuardError::LastAdmin(id("a")))
    );
    issued.upsert(changed(&changed(&admin("b"), |_| {}), |_| {}));
    assert_eq!(check(&p, "a", KeyChange::Remove), Ok(()));
}

fn spec_without_scopes(id: &str) -> KeySpec {
    KeySpec {
        scopes: ScopeSet::EMPTY,
        ..spec(id, "s")
    }
}
