//! Times are those of the bytes' arrival, however late the client came to look at them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use katydid_http::timing::Stamp;

use crate::server::{Do, ok, serve};
use crate::{client, get, run};

/// Sends a request whose answer arrives while the only thread is busy with something else: its
/// times, and the moment at which the answer was in the machine but not yet looked at.
#[cfg(target_os = "linux")]
fn answered_while_busy(bytes: Vec<u8>) -> (katydid_http::timing::Timing, Stamp) {
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let server = serve(move |_| {
        gone.lock().unwrap().recv().unwrap();
        Do::Say(bytes.clone())
    });
    run(async {
        let client = client();
        let busy = async {
            // The request has to be out before the thread stops.
            while server.seen().is_empty() {
                tokio::task::yield_now().await;
            }
            go.send(()).unwrap();
            server.answered.recv().unwrap();
            Stamp::now()
        };
        let (exchange, answered) = tokio::join!(client.send(get(&server.url("/"))), busy);
        assert_eq!(exchange.result.unwrap().status, 200);
        (exchange.timing, answered)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_thread_is_not_the_servers_slowness() {
    let (timing, answered) = answered_while_busy(ok("here"));
    assert!(timing.sent <= timing.first_byte && timing.first_byte <= timing.done);
    assert!(
        timing.done <= answered,
        "{timing:?}, read after {answered:?}"
    );
    assert!(answered < timing.noticed);
    assert_eq!(
        timing.lateness(),
        timing.taken_up.since(timing.due) + timing.noticed.since(timing.done),
    );
}

#[cfg(target_os = "linux")]
#[test]
fn chunks_that_were_there_already_are_dated_alike() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let (timing, answered) = answered_while_busy(bytes.to_vec());
    assert!(timing.done <= answered);
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
