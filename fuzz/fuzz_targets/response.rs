//! Bytes of a server, from the socket to an `Exchange`.

#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use katydid_http::tls::{Tls, Verify};
use katydid_http::{Client, Config, Error, Request, Target, Timeouts};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

struct Fixture {
    runtime: Runtime,
    client: Client,
    request: Request,
    answers: Sender<Vec<u8>>,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (answers, next) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            for answer in next {
                let Ok((mut stream, _)) = listener.accept() else {
                    return;
                };
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(&answer);
                // All of it arrives before the end does.
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read(&mut [0]);
            }
        });
        let tls = Tls { verify: Verify::Nobody, identity: None };
        let config = Config {
            tls: tls.load().expect("no file is read"),
            proxy: None,
            body_limit: 1 << 16,
            max_redirects: 0,
        };
        Fixture {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            client: Client::new(Arc::new(config)),
            request: Request {
                method: Method::GET,
                target: Arc::new(Target::parse(&format!("http://{address}/")).expect("a URL")),
                headers: Arc::new(HeaderMap::new()),
                body: Bytes::new(),
                upload: None,
                stream: false,
                retries: 0,
                redirects: None,
                timeouts: Timeouts { read: Some(Duration::from_secs(20)), ..Timeouts::default() },
                decode: true,
                due: katydid_http::timing::Stamp::now(),
            },
            answers,
        }
    })
}

fuzz_target!(|answer: &[u8]| {
    let fixture = fixture();
    fixture.answers.send(answer.to_vec()).expect("the server lives");
    let exchange = fixture.runtime.block_on(fixture.client.send(fixture.request.clone()));
    fixture.client.close();
    assert!(!matches!(exchange.result, Err(Error::ReadTimeout { .. })), "it hung");
});
