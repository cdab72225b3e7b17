//! Numbers for the names and errors that a run meets, so that counting needs no strings.
//!
//! A number never changes its meaning during the life of the process; statistics are cleared,
//! names are not. The registry is bounded: what comes after [`MAX_NAMES`] names or
//! [`MAX_ERRORS`] errors is counted, exactly, under one "other".

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

/// How many different names (method and name together) are told apart.
pub const MAX_NAMES: usize = 10_000;
/// How many different errors (of all names together) are told apart.
pub const MAX_ERRORS: usize = 10_000;

/// The number of one method and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

/// The number of one error of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorId(u32);

impl KeyId {
    /// Everything beyond [`MAX_NAMES`] names.
    pub const OTHER: Self = Self(0);

    /// The position of this name in tables that are indexed by it.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The name at a position, see [`KeyId::index`].
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("the registry holds far fewer than 2^32 names"))
    }
}

impl ErrorId {
    /// Everything beyond [`MAX_ERRORS`] errors.
    pub const OTHER: Self = Self(0);

    /// The position of this error in tables that are indexed by it.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Method and name that requests are counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// HTTP method or another kind of request; may be empty.
    pub method: Arc<str>,
    /// The path, or what the script calls the request.
    pub name: Arc<str>,
}

/// What went wrong, and under which name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorName {
    /// The name whose requests failed this way.
    pub key: KeyId,
    /// The error as text, memory addresses made equal.
    pub text: Arc<str>,
}

/// Gives every name and every error a number, and tells them back.
#[derive(Debug)]
pub struct Registry {
    tables: RwLock<Tables>,
}

#[derive(Debug)]
struct Tables {
    names: Vec<Name>,
    keys: FxHashMap<Arc<str>, FxHashMap<Arc<str>, KeyId>>,
    errors: Vec<ErrorName>,
    error_ids: FxHashMap<KeyId, FxHashMap<Arc<str>, ErrorId>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// A registry that knows only the two "other"s.
    pub fn new() -> Self {
        let other_name = Name {
            method: "".into(),
            name: "(other)".into(),
        };
        let other_error = ErrorName {
            key: KeyId::OTHER,
            text: "(other errors)".into(),
        };
        Self {
            tables: RwLock::new(Tables {
                names: vec![other_name],
                keys: FxHashMap::default(),
                errors: vec![other_error],
                error_ids: FxHashMap::default(),
            }),
        }
    }

    /// The number of a method and name, given now if it is new.
    pub fn key(&self, method: &str, name: &str) -> KeyId {
        if let Some(key) = self.tables.read().find_key(method, name) {
            return key;
        }
        self.tables.write().add_key(method, name)
    }

    /// The number of an error of a name, given now if it is new.
    ///
    /// Texts that differ only in a memory address ("object at 0x7f…") are one error.
    pub fn error(&self, key: KeyId, text: &str) -> ErrorId {
        let text = without_address(text);
        if let Some(error) = self.tables.read().find_error(key, &text) {
            return error;
        }
        self.tables.write().add_error(key, &text)
    }

    /// The method and name behind a number.
    pub fn name(&self, key: KeyId) -> Name {
        self.tables.read().names[key.index()].clone()
    }

    /// The error behind a number.
    pub fn error_name(&self, error: ErrorId) -> ErrorName {
        self.tables.read().errors[error.index()].clone()
    }

    /// How many names have a number, the "other" included.
    pub fn names_len(&self) -> usize {
        self.tables.read().names.len()
    }

    /// All names from a position on, in the order they were met.
    pub fn names_from(&self, start: usize) -> Vec<(KeyId, Name)> {
        let tables = self.tables.read();
        let names = tables.names.iter().cloned().enumerate().skip(start);
        names
            .map(|(index, name)| (KeyId::at(index), name))
            .collect()
    }
}

impl Tables {
    fn find_key(&self, method: &str, name: &str) -> Option<KeyId> {
        self.keys.get(method)?.get(name).copied()
    }

    fn add_key(&mut self, method: &str, name: &str) -> KeyId {
        // Another thread may have been first between the two locks.
        if let Some(key) = self.find_key(method, name) {
            return key;
        }
        if self.names.len() > MAX_NAMES {
            return KeyId::OTHER;
        }
        let key = KeyId::at(self.names.len());
        let name = Name {
            method: method.into(),
            name: name.into(),
        };
        let methods = self.keys.entry(Arc::clone(&name.method)).or_default();
        methods.insert(Arc::clone(&name.name), key);
        self.names.push(name);
        key
    }

    fn find_error(&self, key: KeyId, text: &str) -> Option<ErrorId> {
        self.error_ids.get(&key)?.get(text).copied()
    }

    fn add_error(&mut self, key: KeyId, text: &str) -> ErrorId {
        if let Some(error) = self.find_error(key, text) {
            return error;
        }
        if self.errors.len() > MAX_ERRORS {
            return ErrorId::OTHER;
        }
        let next = u32::try_from(self.errors.len()).expect("bounded by MAX_ERRORS");
        let error = ErrorId(next);
        let text: Arc<str> = text.into();
        self.error_ids
            .entry(key)
            .or_default()
            .insert(Arc::clone(&text), error);
        self.errors.push(ErrorName { key, text });
        error
    }
}

/// The text with its first memory address, wherever it stands, replaced by dots.
///
/// As in Locust, an address reaches up to the `>` that closes the object's description.
fn without_address(text: &str) -> Cow<'_, str> {
    const MARK: &str = "object at 0x";
    let Some(mark) = text.find(MARK) else {
        return Cow::Borrowed(text);
    };
    let address = &text[mark + MARK.len() - "0x".len()..];
    match address.find('>') {
        Some(length) => Cow::Owned(text.replace(&address[..length], "0x....")),
        None => Cow::Borrowed(text),
    }
}
