//! Pages: the right types and policy, revalidated, and nothing outside their folders.

use std::fs;

use crate::process::{Place, ServerProcess};

struct Site {
    place: Place,
    server: ServerProcess,
}

/// `www` with a page, a hidden file and a link out; `pkg` beside it; a secret beside both.
fn site() -> Site {
    let place = Place::new();
    let folder = place.folder();
    let (www, pkg) = (folder.join("www"), folder.join("pkg"));
    for folder in [&www.join("demo"), &pkg] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(folder.join("secret.txt"), "SECRET").unwrap();
    fs::write(www.join(".env"), "SECRET").unwrap();
    fs::write(www.join("index.html"), "<!doctype html><title>page</title>").unwrap();
    fs::write(www.join("demo/index.html"), "demo page").unwrap();
    fs::write(www.join("app.mjs"), "export {}").unwrap();
    fs::write(pkg.join("pleione_bg.wasm"), b"\0asm").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("secret.txt"), www.join("link.txt")).unwrap();
    let server = ServerProcess::start(&[
        ("SYNC_MAIA_STORAGE", "in-memory"),
        ("WWW_DIR", www.to_str().unwrap()),
    ]);
    Site { place, server }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[test]
fn a_page_comes_with_its_type_its_policy_and_a_tag() {
    let Site { server, .. } = &site();
    for (path, media_type, body) in [
        (
            "/",
            "text/html; charset=utf-8",
            "<!doctype html><title>page</title>",
        ),
        (
            "/index.html?v=1",
            "text/html; charset=utf-8",
            "<!doctype html><title>page</title>",
        ),
        ("/demo/", "text/html; charset=utf-8", "demo page"),
        ("/app.mjs", "text/javascript; charset=utf-8", "export {}"),
        ("/pkg/pleione_bg.wasm", "application/wasm", "\0asm"),
    ] {
        let answer = server.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(
            answer.ends_with(&format!("\r\n\r\n{body}")),
            "{path}: {answer}"
        );
        assert_eq!(header(&answer, "content-type"), Some(media_type), "{path}");
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"), "{path}");
        assert_eq!(
            header(&answer, "x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let policy = header(&answer, "content-security-policy").unwrap();
        for part in [
            "default-src 'self'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
    }
    let answer = server.get("/demo", "");
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert_eq!(header(&answer, "location"), Some("/demo/"));
}

#[test]
fn a_page_is_sent_again_only_when_it_changed() {
    let Site { place, server } = &site();
    let answer = server.get("/app.mjs", "");
    let tag = header(&answer, "etag").unwrap();
    let again = server.get(
        "/app.mjs",
        &format!("If-None-Match: \"other\", W/{tag}\r\n"),
    );
    assert!(
        again.starts_with("HTTP/1.1 304 ") && again.ends_with("\r\n\r\n"),
        "{again}"
    );
    assert_eq!(header(&again, "etag"), Some(tag));

    fs::write(place.folder().join("www/app.mjs"), "export 1;").unwrap();
    let changed = server.get("/app.mjs", &format!("If-None-Match: {tag}\r\n"));
    assert!(changed.ends_with("\r\n\r\nexport 1;"), "{changed}");
}

#[test]
fn r9_no_path_leads_out_of_the_folders() {
    let Site { server, .. } = &site();
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/pkg/../../secret.txt",
        "/pkg/..%2f..%2fsecret.txt",
        "/pkg/%2e%2e/www/.env",
        "/.env",
        "/%2eenv",
        "/link.txt",
        "//secret.txt",
        "/..\\secret.txt",
        "/demo/..%5c..%5csecret.txt",
        "/secret.txt%00.html",
        "/missing",
        "/app.mjs/",
    ] {
        let answer = server.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        assert!(!answer.contains("SECRET"), "{path}");
    }
}

#[test]
fn other_methods_than_reading_are_refused() {
    let Site { server, .. } = &site();
    for method in ["POST", "PUT", "DELETE"] {
        let answer = server.request(&format!(
            "{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    }
    let head = server.request("HEAD /app.mjs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert_eq!(header(&head, "content-length"), Some("9"));
}

#[test]
fn without_a_folder_there_are_no_pages_but_the_server_lives() {
    let server = ServerProcess::in_memory();
    assert!(server.get("/", "").starts_with("HTTP/1.1 404 "));
    assert!(
        server
            .get("/health", "")
            .ends_with(r#"{"refused":{},"status":"ok"}"#)
    );
    assert!(server.get("/sync", "").starts_with("HTTP/1.1 4"));
}
