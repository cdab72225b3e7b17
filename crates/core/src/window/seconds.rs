//! Seconds of a run, and many of them together as bytes.

use super::{Window, WindowError};

/// Grows when bytes written before mean something else.
const FORMAT: u8 = 1;

/// One second of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Second {
    /// The second of the Unix epoch.
    pub t: u64,
    /// Users there were.
    pub users: u32,
    /// Users that were wanted.
    pub wanted: u32,
    /// What was counted.
    pub window: Window,
}

impl Second {
    /// Some seconds as bytes, which [`Second::all_from_bytes`] reads.
    pub fn all_to_bytes<'a>(seconds: impl IntoIterator<Item = &'a Self>) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        for second in seconds {
            let window = second.window.to_bytes();
            bytes.extend(second.t.to_le_bytes());
            bytes.extend(second.users.to_le_bytes());
            bytes.extend(second.wanted.to_le_bytes());
            // A window's length is far below this bound: it has some bytes for each name and error.
            let length = u32::try_from(window.len()).unwrap_or(u32::MAX);
            bytes.extend(length.to_le_bytes());
            bytes.extend(window);
        }
        bytes
    }

    /// Reads seconds that fill the bytes exactly.
    ///
    /// # Errors
    ///
    /// A [`WindowError`] if they are anything else.
    pub fn all_from_bytes(bytes: &[u8]) -> Result<Vec<Self>, WindowError> {
        let Some((&FORMAT, mut bytes)) = bytes.split_first() else {
            return Err(WindowError("another format of seconds"));
        };
        let short = WindowError("cut short");
        let mut seconds = Vec::new();
        while !bytes.is_empty() {
            let (t, rest) = bytes.split_first_chunk().ok_or(short)?;
            let (users, rest) = rest.split_first_chunk().ok_or(short)?;
            let (wanted, rest) = rest.split_first_chunk().ok_or(short)?;
            let (length, rest) = rest.split_first_chunk().ok_or(short)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| short)?;
            let (window, rest) = rest.split_at_checked(length).ok_or(short)?;
            seconds.push(Self {
                t: u64::from_le_bytes(*t),
                users: u32::from_le_bytes(*users),
                wanted: u32::from_le_bytes(*wanted),
                window: Window::from_bytes(window)?,
            });
            bytes = rest;
        }
        Ok(seconds)
    }
}
