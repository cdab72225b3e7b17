//! How answers are framed, well and badly.

use katydid_http::Error;

use crate::server::{Do, Seen, always, ok, serve};
use crate::{ask, client, get, run, send, text};

fn answer(bytes: impl Into<Vec<u8>>) -> Result<String, Error> {
    let server = always(bytes);
    send(get(&server.url("/"))).map(|response| text(&response))
}

#[test]
fn chunks_with_extensions_and_trailers_are_joined() {
    let server = serve(|_| {
        Do::Say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
              3;name=value\r\nabc\r\n00a ; q=\"x\"\r\ndefghijklm\r\n0\r\nX-Sum: 13\r\n\r\n"
                .to_vec(),
        )
    });
    run(async {
        let client = client();
        for _ in 0..2 {
            let response = client.send(get(&server.url("/"))).await.result.unwrap();
            assert_eq!(response.body, "abcdefghijklm");
            assert!(!response.headers.contains_key("x-sum"));
        }
    });
    assert_eq!(server.seen()[1].connection, 0, "the connection is in order");
}

#[test]
fn answers_before_the_answer_are_passed_over() {
    let hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(
        answer([&hints[..], &ok("final")].concat()).unwrap(),
        "final"
    );
}

#[test]
fn a_body_is_sent_without_waiting_to_be_asked() {
    let server = serve(|_| Do::Say([b"HTTP/1.1 100 Continue\r\n\r\n", &ok("yes")[..]].concat()));
    let mut request = ask("POST", &server.url("/"), "body");
    std::sync::Arc::make_mut(&mut request.headers)
        .insert("expect", "100-continue".parse().unwrap());
    assert_eq!(text(&send(request).unwrap()), "yes");
    assert_eq!(server.seen()[0].body, "body");
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let head =
        |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n").into_bytes();
    let answer = move |seen: &Seen| match seen.path() {
        "/204" => Do::Say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        "/304" => Do::Say(head("304 Not Modified")),
        _ => Do::Say(head("200 OK")),
    };
    let server = serve(answer);
    run(async {
        let client = client();
        for (method, path, status) in [
            ("HEAD", "/", 200),
            ("GET", "/204", 204),
            ("GET", "/304", 304),
        ] {
            let request = ask(method, &server.url(path), "");
            let response = client.send(request).await.result.unwrap();
            assert_eq!(response.status, status);
            assert!(response.body.is_empty());
        }
    });
    assert!(server.seen().iter().all(|seen| seen.connection == 0));
}

#[test]
fn an_encoding_without_a_body_is_not_undone() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n";
    let server = always(head.to_vec());
    send(ask("HEAD", &server.url("/"), "")).unwrap();
    let head = b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n";
    send(get(&always(head.to_vec()).url("/"))).unwrap();
}

#[test]
fn a_reason_and_odd_headers_are_kept() {
    let bytes = b"HTTP/1.0 299 Odd But Fine\r\nX-A: 1\r\nX-A: 2\r\nX-B: \xe4\xf6\r\nContent-Length: 0\r\n\r\n";
    let response = send(get(&always(bytes.to_vec()).url("/"))).unwrap();
    assert_eq!(
        (response.status.as_u16(), response.reason()),
        (299, "Odd But Fine")
    );
    assert_eq!(response.version, http::Version::HTTP_10);
    let values: Vec<_> = response.headers.get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(response.headers["x-b"].as_bytes(), b"\xe4\xf6");
}

#[test]
fn what_is_not_http_is_said_to_be_none() {
    let table: [&[u8]; 12] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n",
    ];
    for bytes in table {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let error = answer(bytes).unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. }),
            "{shown:?}: {error:?}"
        );
    }
}

#[test]
fn what_ends_too_early_is_cut_short() {
    let table: [(&[u8], u64); 5] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 0),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
            5,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            2,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 0),
    ];
    for (bytes, arrived) in table {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        match answer(bytes) {
            Err(Error::Truncated { received }) => assert_eq!(received, arrived, "{shown:?}"),
            other => panic!("{shown:?}: {other:?}"),
        }
    }
}

#[test]
fn a_chunk_size_beyond_all_numbers_is_refused() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n";
    let error = answer(&bytes[..]).unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
}

#[test]
fn a_length_beyond_the_limit_ends_the_reading() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551614\r\n\r\nabc";
    let error = answer(&bytes[..]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Truncated { .. } | Error::Protocol { .. } | Error::TooLarge { .. }
        ),
        "{error:?}"
    );
}

#[test]
fn heads_have_a_largest_size() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Y: z\r\n".repeat(10_000));
    let long = format!("HTTP/1.1 200 OK\r\nX-Y: {}\r\n\r\n", "z".repeat(4 << 20));
    for head in [many, long] {
        let error = answer(head).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    }
}

#[test]
fn a_protocol_switch_nobody_asked_for_is_an_answer() {
    let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    match send(get(&always(bytes.to_vec()).url("/"))) {
        Ok(response) => assert_eq!(response.status, 101),
        Err(error) => assert!(matches!(error, Error::Protocol { .. }), "{error:?}"),
    }
}
