//! What a presented key costs: `cargo bench -p ferrogate-auth`.

use std::sync::Arc;

use divan::{Bencher, black_box};
use ferrogate_auth::{
    Credentials, GeneratedHashes, GeneratedKey, KeyCredential, KeyDirectory, KeyRecord, KeySpec,
    Keyring, TenantSpec, TenantTree, TokenVerifier,
};
use ferrogate_types::Secret;

fn main() {
    divan::main();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// A directory with so many keys of the store and as many of the file, and the secret of one of the former.
fn directory(keys: usize) -> (KeyDirectory, Secret) {
    let file = (0..keys).map(|key| {
        let id = format!("file-{key}").parse().expect("a name");
        let secret = Secret::literal(format!("secret-{key}"));
        KeySpec::new(id, KeyCredential::Plain(secret))
    });
    let lasting = Credentials::new(None, TokenVerifier::default());
    let mut presented = None;
    for key in 0..keys {
        let id = format!("issued-{key}").parse().expect("a name");
        let key = GeneratedKey::new(Some(id)).expect("random bytes");
        let credential = KeyCredential::Generated(GeneratedHashes::new(key.digest));
        let spec = KeySpec {
            tenant: Some("team".parse().expect("a name")),
            ..KeySpec::new(key.id, credential)
        };
        lasting.issued.upsert(KeyRecord {
            spec: Arc::new(spec),
            limits: String::new(),
            created_at: 0,
            updated_at: 0,
            rotated_at: None,
            revoked_at: None,
            last_used_at: None,
            usage_count: 0,
            version: 1,
        });
        presented = Some(key.secret);
    }
    let file = Arc::new(Keyring::new(file.collect()));
    let directory = KeyDirectory::new(file, Arc::new(lasting));
    (directory, presented.expect("there are keys"))
}

/// A generated key.
#[divan::bench(args = [10, 10_000, 1_000_000])]
fn generated(bencher: Bencher<'_, '_>, keys: usize) {
    let (directory, secret) = directory(keys);
    bencher.bench(|| {
        block_on(directory.authenticate(black_box(secret.expose()), None, 1)).expect("a key")
    });
}

/// A key of the file.
#[divan::bench(args = [10, 10_000, 1_000_000])]
fn of_the_file(bencher: Bencher<'_, '_>, keys: usize) {
    let (directory, _) = directory(keys);
    bencher
        .bench(|| block_on(directory.authenticate(black_box("secret-7"), None, 1)).expect("a key"));
}

/// A generated key and whom its limits apply to, by many threads at once.
#[divan::bench(threads = [1, 2, 64])]
fn hot_key(bencher: Bencher<'_, '_>) {
    let (directory, secret) = directory(10_000);
    let id = |id: &str| id.parse().expect("a name");
    let tree = TenantTree::new(vec![
        TenantSpec::new(id("organisation"), None),
        TenantSpec::new(id("team"), Some(id("organisation"))),
    ]);
    let tree = tree.expect("a tree");
    bencher.bench(|| {
        let principal = block_on(directory.authenticate(black_box(secret.expose()), None, 1));
        principal.expect("a key").subjects(&tree)
    });
}
