//! Asks the kernel when the bytes of a read, or the answer to a connect, arrived at this machine.
//!
//! A generator that is busy reads an answer late; the kernel noted when it came. Linux hands
//! the note out with the bytes (`SO_TIMESTAMPNS`, socket(7)), in time of the wall clock.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use tokio::io::ReadBuf;

/// Has the kernel note arrivals on this socket; whether it will.
#[expect(unsafe_code, reason = "std has no socket options")]
pub(crate) fn ask(socket: BorrowedFd<'_>) -> bool {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).expect("four bytes");
    // SAFETY: the option's value is `length` readable bytes that outlive the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            length,
        )
    };
    result == 0
}

/// How long ago the other side's last acknowledgement came (`tcpi_last_ack_recv`, tcp(7)), as a
/// new connection's first one does. The kernel counts it in its own ticks, of 1 to 10 ms.
#[expect(unsafe_code, reason = "std has no socket options")]
pub(crate) fn acknowledged(socket: BorrowedFd<'_>) -> Option<Duration> {
    // SAFETY: all numbers, of which zero is one.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of_val(&info)).expect("some hundred bytes");
    // SAFETY: the kernel writes at most `length` bytes to a value of that size.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    (result == 0).then(|| Duration::from_millis(u64::from(info.tcpi_last_ack_recv)))
}

/// Room for one control message that carries a `timespec`, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; 64]);

/// Reads into `buf`: how many bytes, and when the last of them arrived, in nanoseconds of the
/// Unix epoch, if the kernel says so.
#[expect(unsafe_code, reason = "std cannot receive control messages")]
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buf: &mut ReadBuf<'_>,
) -> io::Result<(usize, Option<u64>)> {
    let mut control = Control([MaybeUninit::uninit(); 64]);
    // SAFETY: the bytes are only written, by the kernel.
    let room = unsafe { buf.unfilled_mut() };
    let mut slice = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    // SAFETY: all zeros is a message header without buffers.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>();
    // SAFETY: the header points to one writable slice and to writable room for control messages,
    // both of the sizes it says, and all of them outlive the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let Ok(count) = usize::try_from(count) else {
        return Err(io::Error::last_os_error());
    };
    // SAFETY: the kernel wrote so many bytes to the front of the unfilled part.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    // SAFETY: the header is the one that recvmsg filled in, its control buffer lives, and a
    // message of this level and type carries a whole `timespec`.
    let arrived = unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const message);
        if first.is_null()
            || (*first).cmsg_level != libc::SOL_SOCKET
            || (*first).cmsg_type != libc::SCM_TIMESTAMPNS
        {
            None
        } else {
            Some(
                libc::CMSG_DATA(first)
                    .cast::<libc::timespec>()
                    .read_unaligned(),
            )
        }
    };
    Ok((count, arrived.and_then(nanos)))
}

fn nanos(time: libc::timespec) -> Option<u64> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let rest = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}
