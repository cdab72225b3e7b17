//! Asks the kernel to let a thread run as soon as it wakes.
//!
//! The I/O thread sleeps most of the time and is needed at once when an answer comes, also
//! while a script burns the same core. Linux gives a thread with a short slice precedence
//! on waking over one with a longer slice (EEVDF, 6.12 and newer); it costs no share of the
//! CPU and needs no privilege. Elsewhere nothing happens.

/// The shortest slice that the kernel takes: 0.1 ms.
#[cfg(target_os = "linux")]
const SLICE_NANOS: u64 = 100_000;

/// Applies to the calling thread.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std has no scheduling attributes")]
pub fn favour() {
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    let size = u32::try_from(size_of::<Attributes>()).expect("48 bytes");
    let attributes = Attributes {
        size,
        runtime: SLICE_NANOS,
        ..Attributes::default()
    };
    // SAFETY: the kernel reads `size` bytes from the pointer, which outlives the call; thread 0 is
    // the calling one. A kernel that does not know the attribute refuses, which is as good.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

/// Applies to the calling thread: nothing to do here.
#[cfg(not(target_os = "linux"))]
pub fn favour() {}
