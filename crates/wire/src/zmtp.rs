//! `ZeroMQ`'s protocol between two sockets, as bytes: ZMTP 3 with the NULL mechanism, or ours.
//!
//! Source: `ZeroMQ` RFC 23 (ZMTP 3.0) and RFC 37 (ZMTP 3.1). A connection begins with a greeting of
//! 64 bytes from each side, then a READY command from each side, then messages of frames. Locust's
//! messages are single frames; [`Decoder`] hands over a message of several as one error, because
//! no peer of ours means it. With the mechanism of [`crate::secret`] a command from each side comes
//! between greeting and READY, and what follows them is encrypted.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Length of a greeting.
pub const GREETING: usize = 64;
/// Length of the greeting's part that says nothing of the mechanism.
pub const SIGNATURE: usize = 12;
/// The longest identity `ZeroMQ` allows.
const IDENTITY: usize = 255;
/// The longest command that means something to us.
const COMMAND: usize = 4 * 1024;

const MORE: u8 = 1;
const LONG: u8 = 2;
const IS_COMMAND: u8 = 4;
const FLAGS: u8 = MORE | LONG | IS_COMMAND;

/// What kind of socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The master's: many peers, each by its identity.
    Router,
    /// The worker's: one peer.
    Dealer,
}

/// Bytes that no peer of ours sends.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ZmtpError {
    /// The greeting is not that of ZMTP 3.
    #[error("not a ZeroMQ socket of version 4 or newer")]
    Greeting,
    /// The peer insists on a security mechanism.
    #[error("the peer wants the mechanism {0:?}; Locust's protocol has none")]
    UnknownMechanism(String),
    /// A frame is longer than allowed.
    #[error("a frame of {length} bytes, {limit} are allowed")]
    TooLong {
        /// What the frame's head says.
        length: u64,
        /// What is allowed.
        limit: usize,
    },
    /// A message of more than one frame, or flags that do not exist.
    #[error("a frame with flags {0:#x}")]
    Flags(u8),
    /// A command that breaks the rules, or comes when it must not.
    #[error("a broken command")]
    Command,
    /// A socket that is neither a router nor a dealer.
    #[error("a socket of type {0:?} cannot be a peer")]
    SocketType(String),
    /// The peer said that it ends the connection.
    #[error("the peer refused: {0}")]
    Refused(String),
}

/// How two sockets come to trust each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// They do without asking; Locust's only one.
    Null,
    /// By a join secret, see [`crate::secret`].
    Noise,
}

/// What a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The peer's greeting has come.
    Greeting(Mechanism),
    /// The peer's part of [`Mechanism::Noise`]'s handshake.
    Hello(Bytes),
    /// The peer is ready; its identity, empty if it has none.
    Ready(Bytes),
    /// A message.
    Message(Bytes),
    /// The peer asks whether we live; these bytes are to be sent.
    Pong(Bytes),
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Router => "ROUTER",
            Self::Dealer => "DEALER",
        }
    }
}

impl Mechanism {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Null => b"NULL",
            Self::Noise => b"KATYDID-NOISE",
        }
    }
}

/// The greeting, the same from both sides.
pub fn greeting(mechanism: Mechanism) -> [u8; GREETING] {
    let mut greeting = [0; GREETING];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    (greeting[10], greeting[11]) = (3, 1);
    let name = mechanism.name();
    greeting[SIGNATURE..][..name.len()].copy_from_slice(name);
    greeting
}

/// The command that carries one side's part of [`Mechanism::Noise`]'s handshake.
pub fn hello(payload: &[u8]) -> Bytes {
    let mut body = BytesMut::from(&b"\x05HELLO"[..]);
    body.put_slice(payload);
    frame(IS_COMMAND, &body)
}

/// The ERROR command, the last on a connection.
///
/// # Panics
///
/// If the reason is longer than 255 bytes.
pub fn refusal(reason: &str) -> Bytes {
    let mut body = BytesMut::from(&b"\x05ERROR"[..]);
    body.put_u8(u8::try_from(reason.len()).expect("a short reason"));
    body.put_slice(reason.as_bytes());
    frame(IS_COMMAND, &body)
}

/// The READY command of a socket.
///
/// # Panics
///
/// If the identity is longer than 255 bytes.
pub fn ready(role: Role, identity: &[u8]) -> Bytes {
    assert!(identity.len() <= IDENTITY, "ZeroMQ's limit");
    let mut body = BytesMut::new();
    body.put_slice(b"\x05READY");
    property(&mut body, b"Socket-Type", role.name().as_bytes());
    property(&mut body, b"Identity", identity);
    frame(IS_COMMAND, &body)
}

/// A message of one frame.
pub fn message(payload: &[u8]) -> Bytes {
    frame(0, payload)
}

fn property(body: &mut BytesMut, name: &[u8], value: &[u8]) {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a few bytes");
    body.put_u8(u8::try_from(name.len()).expect("a few bytes"));
    body.put_slice(name);
    body.put_u32(length(value));
    body.put_slice(value);
}

fn frame(flags: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 9);
    if let Ok(length) = u8::try_from(body.len()) {
        frame.put_u8(flags);
        frame.put_u8(length);
    } else {
        frame.put_u8(flags | LONG);
        frame.put_u64(body.len() as u64);
    }
    frame.put_slice(body);
    frame.freeze()
}

/// Makes items of the bytes of one connection.
#[derive(Debug)]
pub struct Decoder {
    stage: Stage,
    /// The longest message that is allowed.
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    /// The greeting said [`Mechanism::Noise`].
    Secret,
    Handshake,
    Traffic,
}

impl Decoder {
    /// A decoder that takes messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            stage: Stage::Greeting,
            limit,
        }
    }

    /// Allows messages of another length from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The next item, or `None` until there are more bytes. What was understood is taken off.
    ///
    /// # Errors
    ///
    /// A [`ZmtpError`]; the connection is of no use then.
    pub fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Item>, ZmtpError> {
        if self.stage == Stage::Greeting {
            if bytes.len() < GREETING {
                check_signature(bytes)?;
                return Ok(None);
            }
            let mechanism = mechanism_of(&bytes.split_to(GREETING))?;
            self.stage = match mechanism {
                Mechanism::Null => Stage::Handshake,
                Mechanism::Noise => Stage::Secret,
            };
            return Ok(Some(Item::Greeting(mechanism)));
        }
        while let Some((flags, body)) = self.frame(bytes)? {
            if flags & IS_COMMAND == 0 {
                if self.stage != Stage::Traffic {
                    return Err(ZmtpError::Command);
                }
                return Ok(Some(Item::Message(body)));
            }
            if let Some(item) = self.command(body)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn frame(&self, bytes: &mut BytesMut) -> Result<Option<(u8, Bytes)>, ZmtpError> {
        let Some(&flags) = bytes.first() else {
            return Ok(None);
        };
        if flags & !FLAGS != 0 || flags & MORE != 0 {
            return Err(ZmtpError::Flags(flags));
        }
        let is_long = flags & LONG != 0;
        let head = if is_long { 9 } else { 2 };
        if bytes.len() < head {
            return Ok(None);
        }
        let length = if is_long {
            (&bytes[1..head]).get_u64()
        } else {
            u64::from(bytes[1])
        };
        let limit = if flags & IS_COMMAND != 0 {
            COMMAND
        } else {
            self.limit
        };
        let fitting = usize::try_from(length).ok().filter(|&it| it <= limit);
        let length = fitting.ok_or(ZmtpError::TooLong { length, limit })?;
        if bytes.len() < head + length {
            return Ok(None);
        }
        bytes.advance(head);
        Ok(Some((flags, bytes.split_to(length).freeze())))
    }

    fn command(&mut self, mut body: Bytes) -> Result<Option<Item>, ZmtpError> {
        let name = short_string(&mut body)?;
        match (&name[..], self.stage) {
            (b"READY", Stage::Handshake) => {
                let identity = check_properties(body)?;
                self.stage = Stage::Traffic;
                Ok(Some(Item::Ready(identity)))
            }
            (b"HELLO", Stage::Secret) => {
                self.stage = Stage::Handshake;
                Ok(Some(Item::Hello(body)))
            }
            (b"ERROR", _) => {
                let reason = short_string(&mut body)?;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Err(ZmtpError::Refused(reason))
            }
            (b"PING", Stage::Traffic) => {
                // Two bytes say for how long the peer will wait; the rest comes back.
                if body.len() < 2 {
                    return Err(ZmtpError::Command);
                }
                body.advance(2);
                let mut pong = BytesMut::from(&b"\x04PONG"[..]);
                pong.put_slice(&body);
                Ok(Some(Item::Pong(frame(IS_COMMAND, &pong))))
            }
            (_, Stage::Traffic) => Ok(None),
            _ => Err(ZmtpError::Command),
        }
    }
}

/// The first bytes of a greeting, as far as they are there.
fn check_signature(bytes: &[u8]) -> Result<(), ZmtpError> {
    let wrong = |place: usize, wanted: u8| bytes.get(place).is_some_and(|&byte| byte != wanted);
    if wrong(0, 0xff) || wrong(9, 0x7f) || wrong(10, 3) {
        return Err(ZmtpError::Greeting);
    }
    Ok(())
}

fn mechanism_of(greeting: &[u8]) -> Result<Mechanism, ZmtpError> {
    check_signature(greeting)?;
    let name = &greeting[SIGNATURE..SIGNATURE + 20];
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(20);
    [Mechanism::Null, Mechanism::Noise]
        .into_iter()
        .find(|mechanism| mechanism.name() == &name[..end])
        .ok_or_else(|| {
            ZmtpError::UnknownMechanism(String::from_utf8_lossy(&name[..end]).into_owned())
        })
}

/// Looks at a READY command's properties and returns the identity.
fn check_properties(mut body: Bytes) -> Result<Bytes, ZmtpError> {
    let mut identity = Bytes::new();
    let mut kind = None;
    while !body.is_empty() {
        let name = short_string(&mut body)?;
        if body.len() < 4 {
            return Err(ZmtpError::Command);
        }
        let length = body.get_u32() as usize;
        if body.len() < length {
            return Err(ZmtpError::Command);
        }
        let value = body.split_to(length);
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            kind = Some(value);
        } else if name.eq_ignore_ascii_case(b"Identity") {
            identity = value;
        }
    }
    let kind = kind.unwrap_or_default();
    if !matches!(&kind[..], b"ROUTER" | b"DEALER" | b"REQ" | b"REP") {
        let kind = String::from_utf8_lossy(&kind).into_owned();
        return Err(ZmtpError::SocketType(kind));
    }
    if identity.len() > IDENTITY {
        return Err(ZmtpError::Command);
    }
    Ok(identity)
}

fn short_string(body: &mut Bytes) -> Result<Bytes, ZmtpError> {
    let length = usize::from(*body.first().ok_or(ZmtpError::Command)?);
    if body.len() <= length {
        return Err(ZmtpError::Command);
    }
    body.advance(1);
    Ok(body.split_to(length))
}
