//! Answers that break HTTP, for clients that must survive them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connection::Wire;

/// Header bytes of `/broken/huge-header`.
const HUGE_HEADER: usize = 1024 * 1024;
/// Header bytes after which `/broken/endless-headers` gives up.
const ENDLESS: usize = 256 * 1024 * 1024;

/// A kind of broken answer, under `/broken/{kind}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Close,
    Reset,
    Garbage,
    CutLength,
    CutChunk,
    BadChunk,
    EndlessHeaders,
    BadLength,
    HugeHeader,
    BadGzip,
    Freeze,
    HalfHead,
}

impl Fault {
    /// Every kind, with its name in the path and the status line it sends.
    pub(crate) const ALL: [(&'static str, Self, Option<u16>); 12] = [
        ("close", Self::Close, None),
        ("reset", Self::Reset, None),
        ("garbage", Self::Garbage, None),
        ("cut-length", Self::CutLength, Some(200)),
        ("cut-chunk", Self::CutChunk, Some(200)),
        ("bad-chunk", Self::BadChunk, Some(200)),
        ("endless-headers", Self::EndlessHeaders, Some(200)),
        ("bad-length", Self::BadLength, Some(200)),
        ("huge-header", Self::HugeHeader, Some(200)),
        ("bad-gzip", Self::BadGzip, Some(200)),
        ("freeze", Self::Freeze, None),
        ("half-head", Self::HalfHead, None),
    ];

    /// The fault of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|fault| fault.0 == name)?;
        Some(found.1)
    }

    /// The status that goes out, if one does.
    pub(crate) fn status(self) -> Option<u16> {
        Self::ALL.iter().find(|fault| fault.1 == self)?.2
    }

    /// The bytes sent before the connection ends, where they are fixed.
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Garbage => b"\x00\xff\x13 this is not HTTP\r\n\r\n",
            Self::CutLength => b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly the beginning",
            Self::CutChunk => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\nhalf a chunk",
            Self::BadChunk => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nno size\r\n0\r\n\r\n",
            Self::EndlessHeaders => b"HTTP/1.1 200 OK\r\n",
            Self::BadLength => b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nbody",
            Self::HugeHeader => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-huge: ",
            Self::BadGzip => {
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 21\r\n\r\n\x1f\x8b\x08\x00not really gzip.."
            }
            Self::HalfHead => b"HTTP/1.1 200 OK\r\ncontent-ty",
            Self::Close | Self::Reset | Self::Freeze => b"",
        }
    }

    /// Answers with this fault.
    pub(crate) async fn commit<S: Wire>(self, stream: &mut S) -> io::Result<()> {
        stream.write_all(self.bytes()).await?;
        match self {
            Self::Reset => {
                // With no lingering, closing sends a reset instead of a FIN.
                stream.tcp().set_zero_linger()?;
                return Ok(());
            }
            Self::Freeze => return outwait(stream).await,
            Self::EndlessHeaders => {
                let line = format!("x-more: {}\r\n", "y".repeat(1000));
                for _ in 0..ENDLESS / line.len() {
                    stream.write_all(line.as_bytes()).await?;
                }
            }
            Self::HugeHeader => {
                stream.write_all(&vec![b'h'; HUGE_HEADER]).await?;
                stream.write_all(b"\r\n\r\nok").await?;
            }
            _ => {}
        }
        stream.flush().await
    }
}

/// Sends nothing until the peer has closed its side.
async fn outwait<S: Wire>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Closes politely: sends FIN, then reads what still comes for a moment, so
/// that the kernel does not turn the close into a reset that could overtake
/// the answer.
pub(crate) async fn part<S: Wire>(stream: &mut S) {
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(Duration::from_secs(1), outwait(stream)).await;
}
