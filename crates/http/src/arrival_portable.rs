//! Where the system does not tell when bytes arrived: reads are stamped when they happen.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use tokio::io::ReadBuf;

/// No system but Linux is asked.
pub(crate) fn ask(_socket: BorrowedFd<'_>) -> bool {
    false
}

/// Never called, because nothing was asked for.
pub(crate) fn receive(
    _socket: BorrowedFd<'_>,
    _buf: &mut ReadBuf<'_>,
) -> io::Result<(usize, Option<u64>)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// No system but Linux is asked.
pub(crate) fn acknowledged(_socket: BorrowedFd<'_>) -> Option<Duration> {
    None
}
