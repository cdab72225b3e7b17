//! Servers that answer with exactly the bytes a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection brought it, counted from 0.
    pub(crate) connection: usize,
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }
}

/// What a server does about a request.
pub(crate) enum Do {
    /// Answers and waits for the next request.
    Say(Vec<u8>),
    /// Answers and closes.
    Last(Vec<u8>),
    /// Answers and says nothing more, until the client leaves.
    Freeze(Vec<u8>),
}

/// A server; it lives until the test process ends.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Told of every request when its answer is written.
    pub(crate) answered: mpsc::Receiver<()>,
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let seen = self.seen();
        seen.iter().map(|seen| seen.path().to_owned()).collect()
    }
}

/// An ordinary answer.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    with_headers("200 OK", "", body)
}

/// An answer with more headers, each ending in a line break.
pub(crate) fn with_headers(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// A server on a free port of the loopback interface.
pub(crate) fn serve(answer: impl Fn(&Seen) -> Do + Send + Sync + 'static) -> Server {
    serve_on("127.0.0.1:0", answer)
}

/// A server that gives every request the same bytes and then closes.
pub(crate) fn always(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes = bytes.into();
    serve(move |_| Do::Last(bytes.clone()))
}

pub(crate) fn serve_on(
    address: &str,
    answer: impl Fn(&Seen) -> Do + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (told, answered) = mpsc::channel();
    let log = Arc::clone(&seen);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let (log, answer, told) = (Arc::clone(&log), Arc::clone(&answer), told.clone());
            let stream = stream.unwrap();
            std::thread::spawn(move || converse(&stream, connection, &log, &*answer, &told));
        }
    });
    Server {
        address,
        seen,
        answered,
    }
}

fn converse(
    stream: &TcpStream,
    connection: usize,
    log: &Mutex<Vec<Seen>>,
    answer: &dyn Fn(&Seen) -> Do,
    told: &mpsc::Sender<()>,
) {
    let mut input = BufReader::new(stream);
    while let Some(seen) = read(&mut input, connection) {
        log.lock().unwrap().push(seen.clone());
        let (bytes, then) = match answer(&seen) {
            Do::Say(bytes) => (bytes, Some(true)),
            Do::Last(bytes) => (bytes, Some(false)),
            Do::Freeze(bytes) => (bytes, None),
        };
        // The client may have left: that is the client's matter, which the test looks at.
        let _ = (&*stream).write_all(&bytes);
        let _ = told.send(());
        match then {
            Some(true) => {}
            Some(false) => return,
            None => {
                let _ = input.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(input: &mut impl BufRead, connection: usize) -> Option<Seen> {
    let mut line = || {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        line.strip_suffix("\r\n").map(str::to_owned)
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Seen {
        connection,
        line: first,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
