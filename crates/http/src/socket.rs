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
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let noted = arrival::ask(stream.as_fd());
        Self {
            stream,
            noted,
            arrived: Stamp::default(),
        }
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
