//! One message between a master and a worker.

use rmpv::Value;
use thiserror::Error;

/// How deeply values may be nested; Locust's own messages need six levels.
const DEPTH: usize = 64;
/// How msgpack begins an array of three.
pub(crate) const ARRAY_OF_3: u8 = 0x93;

/// A message: msgpack's array of type, data and the sender's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it is about: `spawn`, `stats`, or a script's own word.
    pub kind: String,
    /// Whatever goes with it.
    pub data: Value,
    /// Who sent it; nil from masters of some versions.
    pub node: Option<String>,
}

/// Bytes that are not a message.
#[derive(Debug, Error)]
pub enum MessageError {
    /// They are not msgpack.
    #[error("not msgpack")]
    Msgpack(#[from] rmpv::decode::Error),
    /// There is something behind the message.
    #[error("{0} bytes after the message")]
    Trailing(usize),
    /// They are msgpack, but not an array of a word, anything, and a word or nil.
    #[error("not an array of type, data and sender")]
    Shape,
    /// A text in it is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
}

impl Message {
    /// A message of a node.
    pub fn new(kind: impl Into<String>, data: impl Into<Value>, node: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
            node: Some(node.into()),
        }
    }

    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(ARRAY_OF_3);
        write(&mut bytes, &self.kind.as_str().into());
        write(&mut bytes, &self.data);
        let node = self.node.as_deref().map_or(Value::Nil, Value::from);
        write(&mut bytes, &node);
        bytes
    }

    /// Reads a message that fills the bytes exactly.
    ///
    /// # Errors
    ///
    /// A [`MessageError`] if they are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut rest = bytes;
        let value = rmpv::decode::read_value_with_max_depth(&mut rest, DEPTH)?;
        if !rest.is_empty() {
            return Err(MessageError::Trailing(rest.len()));
        }
        let Value::Array(parts) = value else {
            return Err(MessageError::Shape);
        };
        let [kind, data, node] = <[Value; 3]>::try_from(parts).map_err(|_| MessageError::Shape)?;
        if !is_utf8(&data) {
            return Err(MessageError::Utf8);
        }
        let node = match node {
            Value::Nil => None,
            node => Some(text(node)?),
        };
        Ok(Self {
            kind: text(kind)?,
            data,
            node,
        })
    }

    /// What the data has under a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        field(&self.data, key)
    }
}

/// What a map has under a key.
pub fn field<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    let pairs = map.as_map()?;
    let found = pairs.iter().find(|(name, _)| name.as_str() == Some(key));
    found.map(|(_, value)| value)
}

/// Adds a value to a message that is written in parts.
pub(crate) fn write(bytes: &mut Vec<u8>, value: &Value) {
    rmpv::encode::write_value(bytes, value).expect("a vector takes everything");
}

fn text(value: Value) -> Result<String, MessageError> {
    match value {
        Value::String(text) => text.into_str().ok_or(MessageError::Utf8),
        _ => Err(MessageError::Shape),
    }
}

fn is_utf8(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_str(),
        Value::Array(items) => items.iter().all(is_utf8),
        Value::Map(pairs) => pairs
            .iter()
            .all(|(key, item)| is_utf8(key) && is_utf8(item)),
        _ => true,
    }
}
