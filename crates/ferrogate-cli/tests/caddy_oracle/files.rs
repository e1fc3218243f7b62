//! The files that both programs serve.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

/// When all files were changed last: Tue, 14 Nov 2023 22:13:20 GMT.
const CHANGED: Duration = Duration::from_secs(1_700_000_000);

const FILES: &[(&str, &str)] = &[
    ("index.html", "<!doctype html><title>home</title>"),
    ("plain.txt", "0123456789abcdefghijklmnopqrstuvwxyz\n"),
    ("empty.txt", ""),
    ("style.css", "body { color: red }\n"),
    ("data.json", "{\"a\": 1}\n"),
    ("script.js", "let a = 1;\n"),
    ("picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    ("no-extension", "just text\n"),
    ("with space.txt", "a blank\n"),
    ("percent%41.txt", "a percent sign\n"),
    ("ünï.txt", "not ASCII\n"),
    ("UPPER.TXT", "upper\n"),
    (".secret", "hidden\n"),
    ("page.html", "page"),
    ("page.html.gz", "page, in gzip"),
    ("page.html.br", "page, in brotli"),
    ("page.html.zst", "page, in zstd"),
    ("app.js", "plain app"),
    ("app.js.gz", "app, in gzip"),
    ("404.html", "nothing here"),
    ("sub/index.html", "index of sub"),
    ("sub/deep/file.txt", "deep"),
    ("sub/other.txt", "other"),
    ("text-index/index.txt", "a text as index"),
    ("empty/keep/file", "x"),
    ("private/key.pem", "a key"),
    ("list/b.txt", "bb"),
    ("list/a.txt", "a"),
    ("list/dir/x", "x"),
    ("small/1.txt", "1"),
    ("small/22.txt", "22"),
];

/// Parts of Caddyfiles, in a folder beside that of the files served.
const PARTS: &[(&str, &str)] = &[
    (
        "snippets.caddy",
        "(from-file) {\n\trespond /{args.0} \"from a file\"\n}\n",
    ),
    ("sites-1.caddy", "respond /one \"first part\"\n"),
    ("sites-2.caddy", "respond /two \"second part\"\n"),
];

/// A folder with files.
#[derive(Debug)]
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn lay_out() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("www");
        let add = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().expect("it is below the root"))
                .and_then(|()| fs::write(path, text))
                .expect("the folder is ours");
            set_changed(path);
        };
        for (name, text) in FILES {
            add(&root.join(name), text);
        }
        for (name, text) in PARTS {
            add(&folder.path().join("parts").join(name), text);
        }
        add(&root.join("long.txt"), &"a long line of text\n".repeat(200));
        add(&folder.path().join("outside.txt"), "not below the root");
        for name in ["list", "list/dir", "small"] {
            set_changed(&root.join(name));
        }
        Self(folder)
    }

    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.0.path().join("www")
    }
}

fn set_changed(path: &Path) {
    File::open(path)
        .and_then(|file| file.set_modified(UNIX_EPOCH + CHANGED))
        .expect("the file is ours");
}
