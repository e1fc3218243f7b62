//! Tests of the search for files.

use ferrogate_types::route::{Handler, Matcher};
use proptest::prelude::*;

use super::*;
use crate::program::Verdict;
use crate::testing::{Fixture, compiled, program, route};

fn search(files: &[&str], policy: TryPolicy) -> FileMatch {
    FileMatch {
        root: Some("/srv".into()),
        files: files.iter().map(|file| Template::from(*file)).collect(),
        policy,
        otherwise: None,
        split_path: Vec::new(),
    }
}

/// The file found for a request.
fn find(spec: &FileMatch, target: &str) -> Option<FoundFile> {
    let search = compiled(|compiler| FileSearch::compile(spec, false, compiler)).unwrap();
    let fixture = Fixture::get(target);
    search.find(&fixture.view()).unwrap().map(|hit| hit.file)
}

fn check(files: &[&str], policy: TryPolicy, target: &str, expected: Option<&str>) {
    let found = find(&search(files, policy), target);
    assert_eq!(
        found.as_ref().map(|file| file.relative.as_str()),
        expected,
        "{files:?} for {target}"
    );
}

#[test]
fn policies_choose() {
    let all = ["/index.html", "/none", "/small.txt", "/a b.txt"];
    for (policy, expected) in [
        (TryPolicy::FirstExist, "/index.html"),
        (TryPolicy::FirstExistFallback, "/index.html"),
        (TryPolicy::SmallestSize, "/a b.txt"),
        (TryPolicy::LargestSize, "/index.html"),
        (TryPolicy::MostRecentlyModified, "/index.html"),
    ] {
        check(&all, policy, "/", Some(expected));
    }
    check(&["/x", "/y"], TryPolicy::FirstExist, "/", None);
    check(
        &["/x", "/y"],
        TryPolicy::FirstExistFallback,
        "/",
        Some("/y"),
    );
    check(&["/x", "/y"], TryPolicy::LargestSize, "/", None);
}

#[test]
fn a_slash_asks_for_a_directory() {
    for (file, expected) in [
        ("/app/", Some("/app/")),
        ("/app", None),
        ("/index.html/", None),
        ("app/index.php", Some("/app/index.php")),
        ("/", Some("/")),
        ("{path}/", Some("/")),
        // The pattern decides, not what a request makes of it.
        ("{path}", None),
    ] {
        check(&[file], TryPolicy::FirstExist, "/", expected);
    }
}

#[test]
fn a_directory_keeps_its_slash() {
    for (target, expected) in [
        ("/", ("/", "/srv/")),
        ("/app", ("/app/", "/srv/app/")),
        ("/app/", ("/app/", "/srv/app/")),
    ] {
        let found = find(&search(&["{path}/"], TryPolicy::FirstExist), target).unwrap();
        assert_eq!((&*found.relative, &*found.absolute), expected);
        assert!(found.is_dir);
    }
}

#[test]
fn the_path_is_the_default_candidate() {
    check(&[], TryPolicy::FirstExist, "/a%20b.txt", Some("/a b.txt"));
    check(&[], TryPolicy::FirstExist, "/none", None);
}

#[test]
fn nothing_leaves_the_root() {
    for target in [
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/..%2fetc%2fpasswd",
        "/app/../../etc/passwd",
        "/x?f=../etc/passwd",
        "/index.html%00",
        "/index.html%00.txt",
    ] {
        let files = ["{path}", "{query.f}", "/app/{path}"];
        check(&files, TryPolicy::FirstExist, target, None);
    }
}

#[test]
fn a_path_is_split_behind_a_script() {
    let spec = FileMatch {
        split_path: vec![".php".to_owned()],
        ..search(&["{path}"], TryPolicy::FirstExist)
    };
    let found = find(&spec, "/app/index.PHP/rest/of").map(|file| file.remainder);
    assert_eq!(found, None, "the file's name has another case");
    let found = find(&spec, "/app/index.php/rest/of").unwrap();
    assert_eq!(
        (
            &*found.relative,
            &*found.absolute,
            &*found.remainder,
            found.is_dir
        ),
        ("/app/index.php", "/srv/app/index.php", "/rest/of", false)
    );
    assert_eq!(find(&spec, "/app/index.phpx"), None);
}

#[test]
fn try_files_rewrites() {
    let try_files = |spec: FileMatch| {
        let respond = Handler::Respond {
            status: None,
            body: Some("{uri} {file_match.relative} {orig_uri}".into()),
            close: false,
        };
        program(&[
            route("root", &[], Handler::Root("/srv".into())),
            route(
                "try_files",
                &[],
                Handler::TryFiles(FileMatch { root: None, ..spec }),
            ),
            route("respond", &[], respond),
        ])
        .unwrap()
    };
    let fallback = search(
        &["{path}", "{path}/", "/index.php?{query}&p={path}"],
        TryPolicy::FirstExistFallback,
    );
    let program_of_all = try_files(fallback);
    for (target, expected) in [
        ("/small.txt?a=1", "/small.txt?a=1 /small.txt /small.txt?a=1"),
        ("/a%20b.txt", "/a%20b.txt /a b.txt /a%20b.txt"),
        ("/app", "/app/ /app/ /app"),
        ("/x%26?a=1", "/index.php?a=1&p=%2Fx%26 /index.php /x%26?a=1"),
    ] {
        let mut fixture = Fixture::get(target);
        let Verdict::Respond(answer) = fixture.run(&program_of_all) else {
            panic!("no answer")
        };
        assert_eq!(answer.body, expected, "{target}");
    }
    let or_fail = FileMatch {
        otherwise: Some(404),
        ..search(&["{path}"], TryPolicy::FirstExist)
    };
    let verdict = Fixture::get("/none").run(&try_files(or_fail));
    assert!(
        matches!(verdict, Verdict::Fail { status: 404, .. }),
        "{verdict:?}"
    );
}

#[test]
fn a_matcher_may_fail_the_request() {
    let spec = FileMatch {
        otherwise: Some(410),
        ..search(&["/none"], TryPolicy::FirstExist)
    };
    let routes = [route("abort", &[Matcher::File(spec)], Handler::Abort)];
    let verdict = Fixture::get("/").run(&program(&routes).unwrap());
    assert!(
        matches!(verdict, Verdict::Fail { status: 410, .. }),
        "{verdict:?}"
    );
}

proptest! {
    #[test]
    fn every_candidate_is_under_the_root(target in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut target = target;
        target.insert(0, b'/');
        let spec = search(&["{path}", "x/{query.a}"], TryPolicy::FirstExistFallback);
        let search = compiled(|compiler| FileSearch::compile(&spec, false, compiler)).unwrap();
        let fixture = Fixture::get(target);
        if let Some(hit) = search.find(&fixture.view()).unwrap() {
            let path = Path::new(&hit.file.absolute);
            prop_assert!(path.starts_with("/srv"));
            prop_assert!(path.components().all(|part| part != std::path::Component::ParentDir));
        }
    }
}
