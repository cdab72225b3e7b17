//! Each time limit by itself.

use std::io::{Read, Write};
use std::time::Duration;

use katydid_http::{Error, Request, Timeouts};

use crate::server::{Do, Server, ok, serve};
use crate::{PATIENCE, client, get, run, send};

/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(40);

fn frozen(after: &'static [u8]) -> Server {
    serve(move |_| Do::Freeze(after.to_vec()))
}

fn limited(url: &str, timeouts: Timeouts) -> Request {
    Request {
        timeouts,
        ..get(url)
    }
}

fn read(limit: Duration) -> Timeouts {
    Timeouts {
        read: Some(limit),
        ..Timeouts::default()
    }
}

fn connect(limit: Duration) -> Timeouts {
    Timeouts {
        connect: Some(limit),
        ..Timeouts::default()
    }
}

fn total(limit: Duration) -> Timeouts {
    Timeouts {
        total: Some(limit),
        ..Timeouts::default()
    }
}

#[test]
fn silence_ends_at_the_read_limit_wherever_it_begins() {
    let beginnings: [&[u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for bytes in beginnings {
        let server = frozen(bytes);
        let error = send(limited(&server.url("/"), read(SHORT))).unwrap_err();
        assert!(
            matches!(error, Error::ReadTimeout { limit: SHORT }),
            "{error:?}"
        );
    }
}

#[test]
fn a_slow_answer_that_goes_on_is_within_the_read_limit() {
    let target = katydid::target::run(
        katydid::target::Config::default(),
        &tokio_util::sync::CancellationToken::new(),
    )
    .unwrap();
    // Altogether longer than the limit, which is long enough for a busy machine.
    let url = format!("{}/slow-body?chunks=40&ms=50&bytes=1", target.url());
    let limit = Duration::from_millis(1500);
    let response = send(limited(&url, read(limit))).unwrap();
    assert_eq!(response.body.len(), 40);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the server's thread is the test's own"
)]
fn a_head_that_comes_in_drops_is_within_the_read_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" {
            stream.write_all(&[*byte]).unwrap();
            std::thread::sleep(SHORT);
        }
    });
    let limit = Duration::from_secs(1);
    assert_eq!(send(limited(&url, read(limit))).unwrap().status, 200);
    server.join().unwrap();
}

#[test]
fn the_whole_exchange_ends_at_the_total_limit() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    ] {
        let server = frozen(bytes);
        let error = send(limited(&server.url("/"), total(SHORT))).unwrap_err();
        assert!(
            matches!(error, Error::TotalTimeout { limit: SHORT }),
            "{error:?}"
        );
    }
}

#[test]
fn a_handshake_without_answer_ends_at_the_connect_limit() {
    // The kernel accepts for it, and it never reads.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    match send(limited(&url, connect(SHORT))).unwrap_err() {
        Error::ConnectTimeout { host, limit } => {
            assert_eq!((host.as_str(), limit), ("127.0.0.1", SHORT));
        }
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_queue_ends_at_the_connect_limit() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // Linux takes one connection more than the queue is long, and then answers nobody.
    let _first = std::net::TcpStream::connect(address).unwrap();
    let error = send(limited(&format!("http://{address}/"), connect(SHORT))).unwrap_err();
    assert!(matches!(error, Error::ConnectTimeout { .. }), "{error:?}");
}

#[test]
fn the_connect_limit_is_not_the_answers() {
    let server = serve(|_| Do::Say(ok("x")));
    let timeouts = Timeouts {
        connect: Some(PATIENCE),
        read: None,
        total: None,
    };
    send(limited(&server.url("/"), timeouts)).unwrap();
}

#[test]
fn a_client_is_of_use_after_a_limit() {
    let server = serve(|seen| match seen.path() {
        "/frozen" => Do::Freeze(Vec::new()),
        _ => Do::Say(ok("x")),
    });
    run(async {
        let client = client();
        client.send(get(&server.url("/"))).await.result.unwrap();
        let request = limited(&server.url("/frozen"), read(SHORT));
        let error = client.send(request).await.result.unwrap_err();
        assert!(matches!(error, Error::ReadTimeout { .. }), "{error:?}");
        let response = client.send(get(&server.url("/"))).await.result.unwrap();
        assert_eq!(response.body, "x", "a late answer is nobody else's");
    });
    assert_eq!(server.seen().last().unwrap().connection, 1);
}
