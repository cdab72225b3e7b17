//! A blocking HTTP client that hides nothing.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use katydid::target::Running;

/// Ends a test that would hang; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection and the bytes read from it but not yet used.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One GET on a connection of its own.
pub(crate) fn get(target: &Running, path: &str) -> Reply {
    Client::to(target).get(path)
}

impl Client {
    pub(crate) fn to(target: &Running) -> Self {
        let stream = TcpStream::connect(target.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, "", "")
    }

    /// `headers` are whole lines.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: target\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ));
        self.reply_to(method).unwrap()
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        self.reply_to("GET")
    }

    /// Reads one answer; an error when the connection ends before its end.
    fn reply_to(&mut self, method: &str) -> io::Result<Reply> {
        let head = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(reply);
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.until(b"\r\n")?;
                let size = std::str::from_utf8(&size).unwrap().trim_end();
                let size = usize::from_str_radix(size, 16).unwrap();
                let mut chunk = self.exactly(size + 2)?;
                chunk.truncate(size);
                if size == 0 {
                    return Ok(reply);
                }
                reply.body.extend(chunk);
            }
        }
        reply.body = match reply.header("content-length") {
            Some(length) => self.exactly(length.parse().unwrap())?,
            None => self.rest()?,
        };
        Ok(reply)
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.unread);
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|bytes| bytes == end);
            if let Some(at) = found {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            self.fill()?;
        }
    }

    fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.fill()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }
}
