//! Times are those of the bytes' arrival, however late the client came to look at them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use katydid_http::timing::Stamp;
#[cfg(target_os = "linux")]
use katydid_http::timing::Timing;

#[cfg(target_os = "linux")]
use crate::server::{Do, serve};
use crate::{client, get, run};

/// Sends requests whose answers arrive while the only thread is busy with something else, until
/// one is dated before the moment at which it was in the machine but not yet looked at; that
/// moment, and its times.
///
/// The kernel begins to note arrivals some moments after the first socket asks for it, so the
/// first ones may be dated when they are read. Without its notes none would ever pass.
#[cfg(target_os = "linux")]
fn answered_while_busy(bytes: &'static [u8]) -> (Timing, Stamp) {
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let server = serve(move |_| {
        gone.lock().unwrap().recv().unwrap();
        Do::Say(bytes.to_vec())
    });
    let client = client();
    for sent in 1..1000 {
        let (timing, answered) = run(async {
            let busy = async {
                // The request has to be out before the thread stops.
                while server.seen().len() < sent {
                    tokio::task::yield_now().await;
                }
                go.send(()).unwrap();
                server.answered.recv().unwrap();
                Stamp::now()
            };
            let (exchange, answered) = tokio::join!(client.send(get(&server.url("/"))), busy);
            assert_eq!(exchange.result.unwrap().status, 200);
            (exchange.timing, answered)
        });
        // The connection belongs to a runtime that is gone.
        client.close();
        if timing.done <= answered {
            return (timing, answered);
        }
    }
    panic!("no answer was dated before it was read");
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_thread_is_not_the_servers_slowness() {
    let (timing, answered) =
        answered_while_busy(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    assert!(timing.taken_up < timing.first_byte && timing.first_byte <= timing.done);
    assert!(answered < timing.noticed);
    assert_eq!(
        timing.lateness(),
        timing.taken_up.since(timing.due) + timing.noticed.since(timing.done),
    );
}

#[cfg(target_os = "linux")]
#[test]
fn chunks_that_were_there_already_are_dated_alike() {
    let (timing, _) = answered_while_busy(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert!(timing.first_byte <= timing.done);
}

#[test]
fn a_failure_is_dated_when_it_is_known() {
    let server = crate::server::always(Vec::new());
    let timing = run(client().send(get(&server.url("/")))).timing;
    assert_eq!(timing.done, timing.noticed);
    assert!(timing.sent < timing.done && !timing.first_byte.is_set());
}

#[test]
fn a_body_that_ends_with_the_connection_is_done_when_that_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (written, all_written) = mpsc::channel();
    let (close, may_close) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall").unwrap();
        written.send(()).unwrap();
        may_close.recv().unwrap();
    });
    run(async {
        let client = client();
        let closing = async {
            while all_written.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
            let open = Stamp::now();
            close.send(()).unwrap();
            open
        };
        let (exchange, open) = tokio::join!(client.send(get(&url)), closing);
        assert!(open < exchange.timing.done);
        assert_eq!(exchange.result.unwrap().body, "all");
    });
    server.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn encrypted_answers_are_dated_by_their_arrival_too() {
    let target = katydid::target::run(
        katydid::target::Config {
            tls: true,
            ..katydid::target::Config::default()
        },
        &tokio_util::sync::CancellationToken::new(),
    )
    .unwrap();
    let dated_before_it_was_read = run(async {
        let client = client();
        let url = format!("{}/latency?ms=5", target.url());
        client.send(get(&url)).await.result.unwrap();
        for answers in 2_u64..200 {
            // Polled second: the request is out, because its connection is open already.
            let busy = async {
                while target.truth()["records"] != answers {
                    std::thread::yield_now();
                }
                Stamp::now()
            };
            let (exchange, answered) = tokio::join!(client.send(get(&url)), busy);
            exchange.result.unwrap();
            assert_eq!(exchange.timing.connect, 0);
            if exchange.timing.done <= answered {
                return true;
            }
        }
        false
    });
    assert!(dated_before_it_was_read);
}

/// Whether a first request to `url` is sooner or later counted without the time for which a busy
/// thread left its connection waiting.
#[cfg(target_os = "linux")]
fn opened_while_busy(url: &str) -> bool {
    let busy = async || {
        loop {
            #[expect(clippy::disallowed_methods, reason = "it blocks the engine's thread")]
            std::thread::sleep(std::time::Duration::from_millis(30));
            tokio::task::yield_now().await;
        }
    };
    (0..50).any(|_| {
        run(async {
            let client = client();
            let exchange = tokio::select! {
                exchange = client.send(get(url)) => exchange,
                () = busy() => unreachable!("it goes on for ever"),
            };
            assert_eq!(exchange.result.unwrap().status, 200);
            let timing = exchange.timing;
            let whole = timing.noticed.since(timing.due);
            assert_eq!(timing.service() + timing.lateness(), whole);
            timing.connect < timing.held && timing.service() < timing.held
        })
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_thread_is_not_a_slow_connection() {
    for tls in [false, true] {
        let config = katydid::target::Config {
            tls,
            ..katydid::target::Config::default()
        };
        let target =
            katydid::target::run(config, &tokio_util::sync::CancellationToken::new()).unwrap();
        assert!(opened_while_busy(&target.url()));
        assert!(opened_while_busy(
            &target.url().replace("127.0.0.1", "localhost")
        ));
    }
}
