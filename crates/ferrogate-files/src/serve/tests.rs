//! Tests of answers to requests for files.

use http::header::{ACCEPT, IF_NONE_MATCH, LOCATION};

use super::*;

struct Site {
    dir: tempfile::TempDir,
    rules: Rules,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("sub/empty")).unwrap();
        for (name, content) in [
            ("index.html", "<h1>home</h1>"),
            ("a.txt", "0123456789"),
            ("a.txt.gz", "gzipped"),
            ("a.txt.br", "brotli"),
            ("sub/index.txt", "sub"),
            (".env", "SECRET=1"),
            ("plain", "no extension"),
            ("empty/.keep", ""),
        ] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let rules = Rules {
            root: root.to_owned(),
            hidden: Hidden::new([".env"]),
            index: vec!["index.html".to_owned(), "index.txt".to_owned()],
            browse: None,
            precompressed: Vec::new(),
            canonical: true,
            etag_files: Vec::new(),
            status: None,
        };
        Self { dir, rules }
    }

    async fn ask(&self, path: &str, fields: &[(&HeaderName, &str)]) -> Seen {
        let headers = fields
            .iter()
            .map(|(name, value)| ((*name).clone(), value.parse().unwrap()))
            .collect();
        let (raw, query) = path.split_once('?').unwrap_or((path, ""));
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(raw).collect();
        let ask = Ask {
            path: decoded.clone(),
            original_path: decoded,
            original_target: (
                raw.to_owned(),
                if query.is_empty() {
                    String::new()
                } else {
                    format!("?{query}")
                },
            ),
            query: query.to_owned(),
            headers,
        };
        Seen::of(serve(Arc::new(self.rules.clone()), ask).await).await
    }
}

#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    async fn of(served: Served) -> Self {
        let bare = |status| Self {
            status,
            headers: HeaderMap::new(),
            body: String::new(),
        };
        match served {
            Served::File(mut file) => {
                let mut body = Vec::new();
                while let Some(piece) = file.body.next().await.unwrap() {
                    body.extend_from_slice(&piece);
                }
                if let Some(length) = file.headers.get(CONTENT_LENGTH) {
                    assert_eq!(length.to_str().unwrap(), body.len().to_string());
                }
                Self {
                    status: file.status,
                    headers: file.headers,
                    body: String::from_utf8(body).unwrap(),
                }
            }
            Served::Redirect(to) => {
                let mut seen = bare(308);
                seen.headers.insert(LOCATION, to.parse().unwrap());
                seen
            }
            Served::Listing(listing) => {
                let mut seen = bare(200);
                seen.body = listing.body;
                seen
            }
            Served::NotFound => bare(404),
            Served::Forbidden => bare(403),
            Served::Failed(error) => panic!("{error}"),
        }
    }

    fn field(&self, name: &HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

#[tokio::test]
async fn paths_lead_to_files_and_nowhere_else() {
    let site = Site::new();
    std::fs::write(
        site.dir.path().parent().unwrap().join("outside-ferrogate"),
        "x",
    )
    .unwrap();
    for (path, status, body) in [
        ("/a.txt", 200, "0123456789"),
        ("/", 200, "<h1>home</h1>"),
        ("/sub/", 200, "sub"),
        ("//a.txt", 200, "0123456789"),
        ("/sub/../a.txt", 200, "0123456789"),
        ("/%61.txt", 200, "0123456789"),
        ("/sub%2findex.txt", 200, "sub"),
        ("/plain", 200, "no extension"),
        ("/missing", 404, ""),
        ("/a.txt/b", 404, ""),
        ("/.env", 404, ""),
        ("/sub/../.env", 404, ""),
        ("/%2eenv", 404, ""),
        ("/../outside-ferrogate", 404, ""),
        ("/..%2foutside-ferrogate", 404, ""),
        ("/%2e%2e/outside-ferrogate", 404, ""),
        ("/..%5coutside-ferrogate", 404, ""),
        ("/a.txt%00.html", 404, ""),
        ("/sub/empty/", 404, ""),
    ] {
        let seen = site.ask(path, &[]).await;
        assert_eq!((seen.status, &*seen.body), (status, body), "{path}");
    }
}

#[tokio::test]
async fn directories_and_files_have_one_path() {
    let mut site = Site::new();
    for (path, to) in [
        ("/sub", "/sub/"),
        ("/sub?a=b", "/sub/?a=b"),
        ("//sub", "/sub/"),
        ("/a.txt/", "/a.txt"),
        ("/a.txt/?a=b", "/a.txt?a=b"),
    ] {
        let seen = site.ask(path, &[]).await;
        assert_eq!((seen.status, seen.field(&LOCATION)), (308, to), "{path}");
    }
    site.rules.canonical = false;
    assert_eq!(site.ask("/sub", &[]).await.body, "sub");
    assert_eq!(site.ask("/a.txt/", &[]).await.body, "0123456789");
}

#[tokio::test]
async fn ranges_and_conditions() {
    let site = Site::new();
    let whole = site.ask("/a.txt", &[]).await;
    let etag = whole.field(&ETAG).to_owned();
    assert_eq!(whole.field(&ACCEPT_RANGES), "bytes");
    assert_eq!(whole.field(&CONTENT_TYPE), "text/plain; charset=utf-8");
    assert!(!whole.field(&LAST_MODIFIED).is_empty());

    let part = site.ask("/a.txt", &[(&RANGE, "bytes=2-4")]).await;
    assert_eq!((part.status, &*part.body), (206, "234"));
    assert_eq!(part.field(&CONTENT_RANGE), "bytes 2-4/10");

    let parts = site.ask("/a.txt", &[(&RANGE, "bytes=0-0,-2")]).await;
    let kind = parts.field(&CONTENT_TYPE).to_owned();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Range: bytes 0-0/10\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n0\r\n\
         --{boundary}\r\nContent-Range: bytes 8-9/10\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n89\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!((parts.status, parts.body), (206, expected));

    let beyond = site.ask("/a.txt", &[(&RANGE, "bytes=99-")]).await;
    assert_eq!(
        (beyond.status, beyond.field(&CONTENT_RANGE)),
        (416, "bytes */10")
    );

    for (fields, status) in [
        (vec![(&IF_NONE_MATCH, &*etag)], 304),
        (vec![(&IF_NONE_MATCH, "\"x\"")], 200),
        (vec![(&RANGE, "bytes=0-1"), (&IF_RANGE, &*etag)], 206),
        (vec![(&RANGE, "bytes=0-1"), (&IF_RANGE, "\"x\"")], 200),
    ] {
        let seen = site.ask("/a.txt", &fields).await;
        assert_eq!(seen.status, status, "{fields:?}");
        assert_eq!(seen.field(&ETAG), etag);
    }
}

#[tokio::test]
async fn compressed_siblings_are_found() {
    let mut site = Site::new();
    site.rules.precompressed = vec![Encoding::Br, Encoding::Zstd, Encoding::Gzip];
    for (accept, encoding, body) in [
        ("gzip, br", "br", "brotli"),
        ("gzip", "gzip", "gzipped"),
        ("br;q=0.5, gzip", "gzip", "gzipped"),
        ("*", "", "0123456789"),
        ("zstd", "", "0123456789"),
        ("identity", "", "0123456789"),
        ("", "", "0123456789"),
    ] {
        let seen = site.ask("/a.txt", &[(&ACCEPT_ENCODING, accept)]).await;
        assert_eq!(
            (seen.field(&CONTENT_ENCODING), &*seen.body),
            (encoding, body),
            "{accept}"
        );
        assert_eq!(seen.field(&VARY), "Accept-Encoding");
        assert_eq!(seen.field(&CONTENT_TYPE), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn listings_show_what_may_be_seen() {
    let mut site = Site::new();
    site.rules.browse = Some(BrowseRules {
        reveal_symlinks: false,
        sort: SortBy::NameDirFirst,
        descending: false,
        file_limit: 100,
    });
    site.rules.index.clear();
    let page = site.ask("/", &[]).await.body;
    assert!(
        page.contains("href=\"./a.txt\"") && !page.contains(".env"),
        "{page}"
    );
    let json = site
        .ask(
            "/?sort=size&order=desc&limit=2",
            &[(&ACCEPT, "application/json")],
        )
        .await;
    let entries: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(entries.as_array().unwrap().len(), 2, "{entries}");
    let all = site.ask("/", &[(&ACCEPT, "application/json")]).await;
    let entries: serde_json::Value = serde_json::from_str(&all.body).unwrap();
    let names: Vec<&str> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    let expected = [
        "empty/",
        "sub/",
        "a.txt",
        "a.txt.br",
        "a.txt.gz",
        "index.html",
        "plain",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_tag_may_stand_beside_the_file() {
    let mut site = Site::new();
    site.rules.etag_files = vec![".etag".to_owned()];
    std::fs::write(site.dir.path().join("a.txt.etag"), "v7\n").unwrap();
    assert_eq!(site.ask("/a.txt", &[]).await.field(&ETAG), "\"v7\"");
    site.rules.status = Some(404);
    let seen = site
        .ask(
            "/a.txt",
            &[(&RANGE, "bytes=0-1"), (&IF_NONE_MATCH, "\"v7\"")],
        )
        .await;
    assert_eq!((seen.status, &*seen.body), (404, "0123456789"));
}
