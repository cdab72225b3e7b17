//! A TCP socket that knows when its bytes arrived.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::arrival;
use crate::timing::Stamp;

/// A connected socket. The moment of its last read is when the kernel received the bytes, where
/// the kernel tells, else when they were read.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// Whether the kernel notes arrivals.
    noted: bool,
    arrived: Stamp,
    /// While the connection is being opened: for how long bytes lay unread, so far.
    waits: Option<Waits>,
}

/// Waits shorter than this are not told apart from the work itself, and from the kernel's ticks.
const SHORTEST: u64 = 10_000_000;

/// For how long, in nanoseconds, what had come was left waiting by this process.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    held: u64,
    last: Stamp,
}

impl Waits {
    /// Bytes that came at a moment are read at another. What came while the bytes before lay
    /// unread has waited since then.
    fn read(&mut self, arrived: Stamp, now: Stamp) {
        self.held += longer(now.since(arrived.max(self.last)));
        self.last = now;
    }
}

/// A wait in nanoseconds; none where it is too short to be told.
pub(crate) fn longer(wait: u64) -> u64 {
    if wait < SHORTEST { 0 } else { wait }
}

/// For how long, in nanoseconds, the answer to a connect that took so many has waited to be seen.
pub(crate) fn unseen(stream: &TcpStream, took: u64) -> u64 {
    if took < SHORTEST {
        return 0;
    }
    let ago = arrival::acknowledged(stream.as_fd()).unwrap_or_default();
    longer(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX).min(took))
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let noted = arrival::ask(stream.as_fd());
        Self {
            stream,
            noted,
            arrived: Stamp::default(),
            waits: None,
        }
    }

    /// From here on it is counted for how long bytes lie unread.
    pub(crate) fn watch(&mut self) {
        self.waits = Some(Waits::default());
    }

    /// For how long they did, in nanoseconds. It is not counted any more.
    pub(crate) fn watched(&mut self) -> u64 {
        self.waits.take().map_or(0, |waits| waits.held)
    }

    /// When the bytes of the last read arrived; for the end of the stream, when it was read.
    pub(crate) fn arrived(&self) -> Stamp {
        self.arrived
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut received = None;
            let result = self.stream.try_io(Interest::READABLE, || {
                let (count, epoch) = arrival::receive(self.stream.as_fd(), buf)?;
                received = Some((count, epoch));
                // As in tokio's own read: less than there was room for means that the socket is
                // drained, and saying so spares the next read a call into the kernel.
                if count > 0 && buf.remaining() > 0 {
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            if let Some((_, epoch)) = received {
                self.arrived = epoch.map_or_else(Stamp::now, Stamp::of_epoch);
                if let Some(waits) = &mut self.waits {
                    waits.read(self.arrived, Stamp::now());
                }
                return Poll::Ready(Ok(()));
            }
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return Poll::Ready(other),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.noted {
            return this.poll_receive(cx, buf);
        }
        let poll = Pin::new(&mut this.stream).poll_read(cx, buf);
        if poll.is_ready() {
            this.arrived = Stamp::now();
        }
        poll
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_lay_unread_together_have_waited_once() {
        let at = |ms: u64| Stamp::default().after(ms * 1_000_000);
        let mut waits = Waits::default();
        waits.read(at(5), at(6));
        assert_eq!(waits.held, 0, "that is as soon as can be told");
        waits.read(at(10), at(310));
        waits.read(at(12), at(311));
        assert_eq!(waits.held, 300_000_000);
        waits.read(at(400), at(420));
        assert_eq!(waits.held, 320_000_000);
    }
}
