//! Paths and hide patterns, however odd: nothing leads out of the root, and what is hidden stays so however it is written.

#![no_main]

use std::path::{Component, Path};

use ferrogate_files::{Hidden, join};
use libfuzzer_sys::fuzz_target;

// The first line is a pattern; the rest is the path.
fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (pattern, path) = data.split_at(end.unwrap_or(0));
    let path = path.strip_prefix(b"\n").unwrap_or(path);
    let root = Path::new("/srv");
    let Some(joined) = join(root, path) else {
        assert!(path.contains(&0));
        return;
    };
    assert!(joined.starts_with(root), "{joined:?}");
    let climbs = |part: Component<'_>| matches!(part, Component::ParentDir | Component::CurDir);
    assert!(!joined.components().any(climbs), "{joined:?}");

    let respelt: Vec<u8> = [b"/./x/..//", path].concat();
    assert_eq!(join(root, &respelt).as_deref(), Some(&*joined));

    // What it hides it hides however the path was written, and everything below.
    let pattern = String::from_utf8_lossy(pattern);
    let hidden = Hidden::new([&*pattern]);
    if hidden.hides(&joined) {
        assert!(
            hidden.hides(&joined.join("below")),
            "{pattern:?} {joined:?}"
        );
    }
    for name in joined
        .components()
        .skip(2)
        .filter_map(|part| part.as_os_str().to_str())
    {
        if !name.contains(['*', '?', '[', '\\', '/']) {
            assert!(Hidden::new([name]).hides(&joined), "{name:?} {joined:?}");
        }
    }
});
