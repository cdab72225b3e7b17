//! What the system says of this machine: its name, and its local time.

/// Local time less UTC in seconds, at a second of the Unix epoch.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std knows no time zones")]
pub fn offset(at: u64) -> i32 {
    let Ok(at) = libc::time_t::try_from(at) else {
        return 0;
    };
    let mut local = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to values that outlive the call, and all-zero is a valid `tm`.
    let local = unsafe {
        if libc::localtime_r(&raw const at, local.as_mut_ptr()).is_null() {
            return 0;
        }
        local.assume_init()
    };
    i32::try_from(local.tm_gmtoff).unwrap_or(0)
}

/// Local time less UTC in seconds, at a second of the Unix epoch: not known here.
#[cfg(not(unix))]
pub fn offset(_: u64) -> i32 {
    0
}

/// The name of this machine, up to the first dot; `localhost` where it is not known.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std knows no host name")]
pub fn name() -> String {
    let mut bytes = [0_u8; 256];
    // SAFETY: the pointer is to as many writable bytes as are told, and the last one stays zero.
    let code = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) };
    let end = bytes.iter().position(|byte| matches!(byte, 0 | b'.'));
    let name = String::from_utf8_lossy(&bytes[..end.unwrap_or(0)]).into_owned();
    if code != 0 || name.is_empty() {
        return "localhost".to_owned();
    }
    name
}

/// The name of this machine, where std knows none.
#[cfg(not(unix))]
pub fn name() -> String {
    "localhost".to_owned()
}
