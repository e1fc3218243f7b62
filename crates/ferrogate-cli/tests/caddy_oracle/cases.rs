//! What is asked of both programs.

/// Sites that differ in their hosts.
pub(crate) const SITES: &str = "
http://:PORT {
    respond \"any {host} {labels.1}\"
}
http://*.foo.test:PORT {
    respond wild
}
http://a.foo.test:PORT, http://bar.test:PORT {
    respond named
}
http://foo.test:PORT {
    respond foo
}
http://1.2.3.4:PORT, http://[::1]:PORT {
    respond address
}
";

/// Hosts asked for.
pub(crate) const HOSTS: &[&str] = &[
    "foo.test",
    "FOO.test:80",
    "a.foo.test",
    "b.foo.test",
    "a.b.foo.test",
    "bar.test",
    "localhost:8080",
    "1.2.3.4",
    "[::1]:80",
];

/// Directives, and the requests made of them. `UP_A` and `UP_B` are upstreams, at `DEAD` nobody listens.
pub(crate) const CASES: &[(&str, &[&str])] = &[
    // Paths: exact, prefix, suffix, inside, classes, escapes.
    (
        "
        @exact path /exact
        @prefix path /pre*
        @below path /below/*
        @suffix path *.php
        @inside path *ins*
        @segment path /seg/*/end
        @class path /[a-c]/?
        @doubled path /two//slashes
        @escaped path /caf%C3%A9
        @slash path /slash%2Fed
        respond @exact \"exact {path}\"
        respond @prefix \"prefix {path}\"
        respond @below \"below {path}\"
        respond @suffix \"suffix {path}\"
        respond @inside \"inside {path}\"
        respond @segment \"segment {path}\"
        respond @class \"class {path}\"
        respond @doubled \"doubled {path}\"
        respond @escaped \"escaped {path}\"
        respond @slash \"slash {path}\"
        respond \"none {path} {uri}\"
        ",
        &[
            "GET /exact",
            "GET /EXACT",
            "GET /exact/",
            "GET //exact",
            "GET /./exact",
            "GET /x/../exact",
            "GET /ex%61ct?q=1",
            "GET /pre",
            "GET /prefix/x",
            "GET /below",
            "GET /below/",
            "GET /below/%2e%2e/exact",
            "GET /x/y.php",
            "GET /y.php/",
            "GET /x/insy",
            "GET /seg/a/end",
            "GET /seg/a/b/end",
            "GET /a/b",
            "GET /d/b",
            "GET /two//slashes",
            "GET /two/slashes",
            "GET /caf%c3%a9",
            "GET /slash%2fed",
            "GET /slash/ed",
            "GET /",
        ],
    ),
    // Conditions on the rest of the request. 2.6.2 asks for one `query` key of several, and for the exact method.
    (
        "
        @header header X-A abc*
        @both {
            header X-B *b*
            header X-C *
        }
        @either {
            header X-D one
            header X-D two
        }
        @absent header !X-Z
        @query query q=1
        @present query p=*
        @method method POST PUT
        @not {
            not path /not
            not method DELETE
        }
        @network remote_ip 10.0.0.0/8
        @here remote_ip private_ranges
        @https protocol https
        @grpc protocol grpc
        respond @grpc grpc
        respond @https https
        respond @network network
        respond @header header
        respond @both both
        respond @either either
        respond @query query
        respond @present present
        respond @method method
        respond @absent absent
        respond @not not
        respond @here here
        ",
        &[
            "GET / | X-A: abcd | X-Z: 1",
            "GET / | x-a: ABC | X-Z: 1",
            "GET / | X-A: no | X-A: abc | X-Z: 1",
            "GET / | X-B: abc | X-Z: 1",
            "GET / | X-B: abc | X-C: 1 | X-Z: 1",
            "GET / | X-D: two | X-Z: 1",
            "GET /?q=%31 | X-Z: 1",
            "GET /?q=2 | X-Z: 1",
            "GET /?p= | X-Z: 1",
            "PUT / | X-Z: 1",
            "GET /",
            "GET /not | X-Z: 1",
            "DELETE / | X-Z: 1",
            "GET / | Content-Type: application/grpc+proto | X-Z: 1",
        ],
    ),
    // The order of effect, not of writing. 2.6.2 puts `/a*` before `/a`.
    (
        "
        respond last
        respond /a a
        respond /a/b ab
        respond /a* prefix
        respond @named named
        @named header X-Named *
        redir /r /elsewhere
        error /error nope 410
        abort /abort
        handle /a/b/c {
            respond handled
        }
        route /a/b/d {
            respond routed
        }
        header X-Always 1
        header /a* X-Path first
        header X-Path second
        vars v general
        vars /vars/* v special
        respond /vars* \"{vars.v} {http.vars.v}\"
        ",
        &[
            "GET /",
            "GET /ax | X-Named: 1",
            "GET /z | X-Named: 1",
            "GET /a/b",
            "GET /a/b/c",
            "GET /a/b/d",
            "GET /r",
            "GET /error",
            "GET /abort",
            "GET /vars",
            "GET /vars/x",
        ],
    ),
    // Blocks.
    (
        "
        handle /a/* {
            respond /a/deep deep
            handle /a/one {
                respond one
            }
            handle_path /a/two/* {
                respond \"two {path} {http.request.orig_uri}\"
            }
            handle {
                respond \"rest {path}\"
            }
        }
        handle /a/longer* {
            respond longer
        }
        handle_path /b/* {
            respond \"b {path} {uri}\"
        }
        handle /empty {
            header X-Empty passed
        }
        route /r/* {
            respond /r/1 first
            respond /r/* any
            respond /r/11 never
        }
        route {
            uri strip_prefix /strip
            respond /x \"x {uri}\"
        }
        respond \"end {uri}\"
        ",
        &[
            "GET /a/one",
            "GET /a/two/three?q",
            "GET /a/deep",
            "GET /a/longer/x",
            "GET /b",
            "GET /b/",
            "GET /b//x?y=1",
            "GET /B/x",
            "GET /empty",
            "GET /r/1",
            "GET /r/11",
            "GET /strip/x",
            "GET /other",
        ],
    ),
    // Answers and their content types. An answer to HEAD has the length of the body it leaves out.
    (
        r#"
        respond /text text
        respond /json `{"a": 1}`
        respond /list `[1, 2]`
        respond /nothing `{}`
        respond /html "<p>"
        respond /digits "2000"
        respond /status 404
        respond /both "gone" 410
        respond /none 204
        respond /block 201 {
            body "made"
        }
        respond /close bye {
            close
        }
        respond /inside `{"at": "{path}", "of": {"host": "{http.request.method}"}}`
        respond /value {query.q}
        respond /number `{"n": {query.q}}`
        respond /brace "a { {method} } b"
        respond /unknown "{nothing.of.that.name}"
        respond /escaped "\{{method}\}"
        error /error 503
        "#,
        &[
            "GET /text",
            "HEAD /text",
            "POST /text",
            "GET /json",
            "GET /list",
            "GET /nothing",
            "GET /html",
            "GET /digits",
            "GET /status",
            "GET /both",
            "GET /none",
            "GET /block",
            "GET /close",
            "GET /inside",
            "GET /value?q={%22a%22:1}",
            "GET /value?q=",
            "GET /number?q=1",
            "GET /brace",
            "GET /unknown",
            "GET /escaped",
            "GET /error",
            "GET /nobody",
        ],
    ),
    // Redirects; `html` is another page here.
    (
        "
        redir /a /b
        redir /c /d permanent
        redir /e /f temporary
        redir /g /h 307
        redir /i https://other.test{uri}
        redir /j {query.to} 308
        redir /k /l{unknown.name}m
        redir /n \"/o p\"
        ",
        &[
            "GET /a",
            "POST /a",
            "GET /c",
            "GET /e",
            "GET /g",
            "GET /i?x=%20y",
            "GET /j?to=/z",
            "GET /k",
            "GET /n",
        ],
    ),
    // Rewrites: only the parts that are written change.
    (
        "
        rewrite /a /b
        rewrite /c* /d{path}
        rewrite /e /f?x=1
        rewrite /g /h?{query}&y=2
        rewrite /i ?z=1
        rewrite /j /k?
        rewrite /l /m{uri}
        rewrite /n /o?p={path}&q={query.q}
        rewrite /q/* /r{path}
        uri /s/* strip_prefix /s
        uri /t* strip_suffix .php
        uri /u/* replace x y
        uri /v/* replace x y 1
        uri /w/* path_regexp /+ /
        respond \"{uri} {path} {query} {http.request.orig_uri}\"
        ",
        &[
            "GET /a?keep=1",
            "GET /c/x%20y?q",
            "GET /e?x=2",
            "GET /g?q=1",
            "GET /g",
            "GET /i?x=1",
            "GET /j?x=1",
            "GET /l?x=1",
            "GET /n?q=%20%26",
            "GET /q/a%2Fb",
            "GET /s/x?y=/s",
            "GET /S/x",
            "GET /s/%2Fx",
            "GET /t/a.php?b.php",
            "GET /t/a.PHP",
            "GET /u/xx?x=x",
            "GET /v/xx?x=xx",
            "GET /w//a///b?c//d",
        ],
    ),
    // Placeholders. `{labels.N}` keeps its case in 2.6.2.
    (
        "respond \"{hostport}|{port}|{method}|{uri}|{path}|{dir}|{file}|{file.base}|{file.ext}|{query}|{query.a}|\
         {scheme}|{labels.0}|{path.0}|{path.1}|{header.X-A}|{cookie.c}|{remote_host}|{http.request.proto}|\
         {http.request.orig_method}|{env.WORD}|{env.NOT_SET}|{http.vars.none}|{http.request.tls.version}\"",
        &[
            "GET /a/b.tar.gz?a=1&a=%32&b | X-A: 1 | X-A: 2 | Cookie: b=1; c=2",
            "GET /",
            "GET /?",
            "GET /a.b/",
            "POST /a/.x",
        ],
    ),
    // Variables are put in before anything is read.
    (
        "
        respond /word {$WORD}
        respond /words \"{$WORDS}\"
        respond /default {$NOT_SET:default}
        respond /blanks \"{$NOT_SET:a b}\"
        respond /empty \"<{$EMPTY:default}>\"
        respond /url {$NOT_SET:http://x:1}
        {$LINE}
        respond /quote \"a\\\"b\"
        respond /tick `back \"tick\"`
        respond /hash a#b
        respond /continued a \\
            202
        respond /lines \"one
two\"
        ",
        &[
            "GET /word",
            "GET /words",
            "GET /default",
            "GET /blanks",
            "GET /empty",
            "GET /url",
            "GET /line",
            "GET /quote",
            "GET /tick",
            "GET /hash",
            "GET /continued",
            "GET /lines",
        ],
    ),
    // Response fields: at once, deferred, where absent, by pattern.
    (
        "
        header /set X-Kept zero
        header /add +X-Kept zero
        header /delete -X-Kept
        header /wild -X-*
        header /absent ?X-Kept zero
        header /absent ?X-New zero
        header /defer {
            X-Kept zero
            defer
        }
        header /mixed {
            X-Kept zero
            -X-Removed
        }
        header /replace {
            X-Kept (1) <$1>
            defer
        }
        header X-Name \"{method} {path} {unknown.name}\"
        header X-Empty \"\"
        uri replace /set /hops
        uri replace /add /hops
        uri replace /delete /hops
        uri replace /wild /hops
        uri replace /absent /hops
        uri replace /defer /hops
        uri replace /mixed /hops
        uri replace /replace /hops
        reverse_proxy UP_A
        ",
        &[
            "GET /set",
            "GET /add",
            "GET /delete",
            "GET /wild",
            "GET /absent",
            "GET /defer",
            "GET /mixed",
            "GET /replace",
            "GET /hops",
        ],
    ),
    (
        "
        route {
            header X-A abcabc
            header X-A b(c) [$1]
            header X-A (?P<first>a) <$first>
            header +X-B 1
            header +X-B 2
            header -X-C
            header Content-Type text/html
            respond ok
        }
        ",
        &["GET /", "HEAD /"],
    ),
    // What upstreams see.
    (
        "reverse_proxy UP_A",
        &[
            "GET /a%2Fb/../c?x=%20&y",
            "GET //x",
            "GET /?",
            "HEAD /",
            "POST /",
            "DELETE /",
            "PATCH /x",
            "GET / | X-Forwarded-For: 1.1.1.1 | X-Forwarded-Proto: https | X-Forwarded-Host: evil",
            "GET / | Keep-Alive: 1 | Proxy-Authorization: x | Proxy-Connection: y | Upgrade: h2c",
            "GET / | Cookie: a=1 | Cookie: b=2 | X-Empty: ",
            "GET /hops",
            "GET /status/404",
            "GET /status/503",
        ],
    ),
    (
        "
        request_header X-A 1
        request_header +X-B 2
        request_header -X-C
        request_header X-D b(.) <$1>
        request_header /host Host changed.test
        reverse_proxy UP_A {
            header_up X-E \"{method} {host}\"
            header_up +X-F 2
            header_up -X-G
            header_up X-H b(.) <$1>
            header_up X-J `{\"path\": \"{path}\"}`
            header_up X-Real-IP {remote_host}
            header_down X-Kept new
            header_down +X-New added
            header_down -X-Removed
        }
        ",
        &[
            "GET /hops",
            "GET /host",
            "GET / | X-A: 0 | X-B: 1 | X-C: 1 | X-D: abcb | X-F: 1 | X-G: 1 | X-H: abcb",
        ],
    ),
    (
        "reverse_proxy UP_A {
            trusted_proxies 127.0.0.1 10.0.0.0/8
        }",
        &[
            "GET / | X-Forwarded-For: 1.1.1.1, 2.2.2.2 | X-Forwarded-Proto: https | X-Forwarded-Host: real",
            "GET / | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 2.2.2.2",
            "GET /",
        ],
    ),
    (
        "handle_path /api/* {
            reverse_proxy UP_A
        }
        rewrite /old/* /new{uri}
        reverse_proxy /new/* http://UP_A
        respond nobody 404",
        &[
            "GET /api/x?y=1",
            "GET /api/",
            "GET /api/a%20b",
            "GET /old/x?y=1",
            "GET /else",
        ],
    ),
    // Which upstream, and what happens when it is not there.
    (
        "reverse_proxy UP_A UP_B {
            lb_policy round_robin
        }",
        &["GET /1", "GET /2", "GET /3", "GET /4"],
    ),
    (
        "reverse_proxy UP_A UP_B {
            lb_policy first
            fail_duration 1h
            unhealthy_status 5xx
        }",
        &["GET /", "GET /status/500", "GET /"],
    ),
    (
        "reverse_proxy DEAD UP_A {
            lb_policy first
            lb_retries 1
            fail_duration 1h
        }",
        &["POST /", "GET /"],
    ),
    (
        "reverse_proxy DEAD {
            to UP_B
            lb_policy first
            lb_try_duration 5s
            lb_try_interval 10ms
            fail_duration 1h
        }",
        &["POST /", "GET /"],
    ),
    ("reverse_proxy DEAD", &["GET /", "POST /"]),
    (
        "reverse_proxy DEAD {
            fail_duration 1h
        }",
        &["GET /", "GET /"],
    ),
];
