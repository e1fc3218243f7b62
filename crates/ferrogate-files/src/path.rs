//! From the path of a request to a path on disk.

use std::path::{Path, PathBuf};

/// The file a path names under a root: empty, `.` and `..` segments are resolved first, so that nothing leads out. `None`
/// for a path with a NUL byte, which no file has.
///
/// `path` is percent-decoded, by which an encoded slash has become a slash and an encoded dot a dot.
pub fn join(root: &Path, path: &[u8]) -> Option<PathBuf> {
    if memchr::memchr(0, path).is_some() {
        return None;
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut joined = if root.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        root.to_owned()
    };
    for segment in segments {
        joined.push(os_str(segment));
    }
    Some(joined)
}

fn os_str(bytes: &[u8]) -> &std::ffi::OsStr {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_leads_out_of_the_root() {
        for (path, expected) in [
            ("/a/b", Some("/srv/a/b")),
            ("/", Some("/srv")),
            ("", Some("/srv")),
            ("//a///b/", Some("/srv/a/b")),
            ("/../../etc/passwd", Some("/srv/etc/passwd")),
            ("/a/../../b", Some("/srv/b")),
            ("/./a/.", Some("/srv/a")),
            ("/...", Some("/srv/...")),
            ("/a\0b", None),
        ] {
            let joined = join(Path::new("/srv"), path.as_bytes());
            assert_eq!(joined.as_deref(), expected.map(Path::new), "{path}");
        }
        assert_eq!(
            join(Path::new(""), b"/a").as_deref(),
            Some(Path::new("./a"))
        );
    }

    proptest! {
        #[test]
        fn every_path_stays_inside(path in proptest::collection::vec(prop_oneof![
            Just(b'/'), Just(b'.'), any::<u8>()
        ], 0..40)) {
            if let Some(joined) = join(Path::new("/srv"), &path) {
                prop_assert!(joined.starts_with("/srv"));
                prop_assert!(joined.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
