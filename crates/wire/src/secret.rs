//! The join secret: master and worker prove to each other that they know it, and the link is
//! encrypted.
//!
//! The handshake is Noise's `NNpsk0` (The Noise Protocol Framework, revision 34, section 9): the
//! secret itself never travels, each connection has keys of its own, and what was recorded of one
//! is of no use in another, nor once the secret becomes known. Both sides of it are ZMTP commands
//! of the mechanism [`crate::zmtp::Mechanism::Noise`]; after them everything, READY included,
//! travels in Noise messages, each behind its length in two bytes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use argon2::Argon2;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use snow::{Builder, HandshakeState, StatelessTransportState};
use thiserror::Error;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
/// Both sides must mean the same protocol.
const PROLOGUE: &[u8] = b"katydid join secret, version 1";
/// Argon2's salt. It is the same everywhere, since the secret is all that the sides share.
const SALT: &[u8] = b"katydid join secret";
/// A secret that may be found by trying is none; 16 characters of hex are 64 bits.
const SHORTEST: usize = 16;
/// No secret is as long as this, but a wrong file may be.
const LONGEST: usize = 4 * 1024;
/// The longest message Noise allows, and what sealing adds to one.
const LONGEST_MESSAGE: usize = 65_535;
const TAG: usize = 16;
/// Either message of the handshake: a public key and the tag of an empty text.
const HELLO: usize = 32 + TAG;

/// What a fleet's nodes know and strangers do not.
#[derive(Clone)]
pub struct JoinSecret(Arc<[u8; 32]>);

/// A secret that cannot be used.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// It is too short.
    #[error(
        "has {0} bytes, and needs at least {SHORTEST}; `openssl rand -base64 32` makes a good one"
    )]
    Short(usize),
    /// It is too long.
    #[error("has more than {LONGEST} bytes, which is no secret")]
    Long,
}

/// The peer does not know the secret, or somebody has changed what it sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the join secret is not the same on both sides")]
pub struct Mismatch;

impl JoinSecret {
    /// Takes a secret; white space around it does not count.
    ///
    /// # Errors
    ///
    /// A [`SecretError`] if it is too short or too long.
    pub fn new(secret: &[u8]) -> Result<Self, SecretError> {
        let secret = secret.trim_ascii();
        if secret.len() < SHORTEST {
            return Err(SecretError::Short(secret.len()));
        }
        if secret.len() > LONGEST {
            return Err(SecretError::Long);
        }
        // Slow on purpose: who has recorded a handshake can try secrets, but not many.
        let mut key = [0; 32];
        Argon2::default()
            .hash_password_into(secret, SALT, &mut key)
            .expect("lengths that Argon2 takes");
        Ok(Self(Arc::new(key)))
    }

    /// Reads a secret from a file.
    ///
    /// # Errors
    ///
    /// A [`SecretError`] if there is none in it.
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        use std::io::Read;
        let mut secret = Vec::new();
        let limit = LONGEST as u64 + 1024;
        std::fs::File::open(file)?
            .take(limit)
            .read_to_end(&mut secret)?;
        Self::new(&secret)
    }

    fn builder(&self) -> Builder<'_> {
        let pattern = PATTERN.parse().expect("a pattern of Noise");
        Builder::new(pattern)
            .psk(0, &self.0)
            .and_then(|builder| builder.prologue(PROLOGUE))
            .expect("the first of each")
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, fmt: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt.write_str("JoinSecret(..)")
    }
}

/// A worker's half of the handshake.
pub struct Asking(HandshakeState);

impl Asking {
    /// Begins, with what is to be sent to the master.
    pub fn begin(secret: &JoinSecret) -> (Self, Bytes) {
        let mut state = secret.builder().build_initiator().expect("all is set");
        let hello = written(&mut state);
        (Self(state), hello)
    }

    /// Takes the master's answer.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the master does not know the secret.
    pub fn finish(mut self, answer: &[u8]) -> Result<(Sealer, Opener), Mismatch> {
        read(&mut self.0, answer)?;
        Ok(ends(self.0))
    }
}

/// A master's half of the handshake: what is to be answered to a worker, and the link.
///
/// # Errors
///
/// [`Mismatch`] if the worker does not know the secret.
pub fn answer(secret: &JoinSecret, hello: &[u8]) -> Result<(Bytes, Sealer, Opener), Mismatch> {
    let mut state = secret.builder().build_responder().expect("all is set");
    read(&mut state, hello)?;
    let answer = written(&mut state);
    let (sealer, opener) = ends(state);
    Ok((answer, sealer, opener))
}

fn written(state: &mut HandshakeState) -> Bytes {
    let mut message = [0; HELLO];
    let length = state.write_message(&[], &mut message);
    Bytes::copy_from_slice(&message[..length.expect("there is room, and it is our turn")])
}

fn read(state: &mut HandshakeState, message: &[u8]) -> Result<(), Mismatch> {
    if message.len() != HELLO {
        return Err(Mismatch);
    }
    state.read_message(message, &mut []).map_err(|_| Mismatch)?;
    Ok(())
}

fn ends(state: HandshakeState) -> (Sealer, Opener) {
    let link = state.into_stateless_transport_mode();
    let link = Arc::new(link.expect("the handshake is over"));
    let sealer = Sealer {
        link: Arc::clone(&link),
        next: 0,
    };
    (sealer, Opener { link, next: 0 })
}

/// Encrypts what is sent.
pub struct Sealer {
    link: Arc<StatelessTransportState>,
    next: u64,
}

impl Sealer {
    /// The bytes to send for these.
    pub fn seal(&mut self, plain: &[u8]) -> Bytes {
        let pieces = plain.chunks(LONGEST_MESSAGE - TAG);
        let mut sealed = BytesMut::with_capacity(plain.len() + pieces.len() * (2 + TAG));
        for piece in pieces {
            let length = piece.len() + TAG;
            sealed.put_u16(u16::try_from(length).expect("as Noise allows"));
            let start = sealed.len();
            sealed.resize(start + length, 0);
            self.link
                .write_message(self.next, piece, &mut sealed[start..])
                .expect("there is room, and no link lasts for 2^64 messages");
            self.next += 1;
        }
        sealed.freeze()
    }
}

/// Decrypts what comes.
pub struct Opener {
    link: Arc<StatelessTransportState>,
    next: u64,
}

impl Opener {
    /// Moves what is there in whole messages from `sealed` to `plain`.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if something was not sealed by the peer, or not as the next.
    pub fn open(&mut self, sealed: &mut BytesMut, plain: &mut BytesMut) -> Result<(), Mismatch> {
        while sealed.len() >= 2 {
            let length = usize::from(u16::from_be_bytes([sealed[0], sealed[1]]));
            let Some(message) = sealed.get(2..2 + length) else {
                return Ok(());
            };
            let start = plain.len();
            plain.resize(start + length.saturating_sub(TAG), 0);
            let opened = self
                .link
                .read_message(self.next, message, &mut plain[start..]);
            opened.map_err(|_| Mismatch)?;
            self.next += 1;
            sealed.advance(2 + length);
        }
        Ok(())
    }
}
