//! Numbers for the names and errors that a run meets, so that counting needs no strings.
//!
//! A number never changes its meaning during the life of the process; statistics are cleared,
//! names are not. The registry is bounded: what comes after [`MAX_NAMES`] names or
//! [`MAX_ERRORS`] errors is counted, exactly, under one "other".

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::fault::{Example, Faults};
use crate::{fingerprint, redact};

/// How many different names (method and name together) are told apart.
pub const MAX_NAMES: usize = 10_000;
/// How many different errors (of all names together) are told apart.
pub const MAX_ERRORS: usize = 10_000;
/// How many fingerprints of errors are told apart.
pub const MAX_FINGERPRINTS: usize = 500;

/// The number of one method and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

/// The number of one error of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorId(u32);

/// The number of a group of errors that differ only in numbers, ids, addresses and quoted parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FingerprintId(u32);

impl FingerprintId {
    /// Everything beyond [`MAX_FINGERPRINTS`].
    pub const OTHER: Self = Self(0);

    /// Its number.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the errors of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The name whose requests failed this way.
    pub key: KeyId,
    /// The kind of failure, see [`fingerprint::kind`].
    pub kind: &'static str,
    /// The error's text, with placeholders where they differ; secrets hidden.
    pub pattern: Arc<str>,
}

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
    faults: Faults,
}

#[derive(Debug)]
struct Tables {
    names: Vec<Name>,
    keys: FxHashMap<Arc<str>, FxHashMap<Arc<str>, KeyId>>,
    errors: Vec<ErrorName>,
    error_ids: FxHashMap<KeyId, FxHashMap<Arc<str>, ErrorId>>,
    fingerprints: Vec<Fingerprint>,
    fingerprint_ids: FxHashMap<(KeyId, Arc<str>), FingerprintId>,
    /// By [`ErrorId::index`].
    fingerprint_of: Vec<FingerprintId>,
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
        let other_fingerprint = Fingerprint {
            key: KeyId::OTHER,
            kind: "exception",
            pattern: "(other errors)".into(),
        };
        Self {
            faults: Faults::default(),
            tables: RwLock::new(Tables {
                names: vec![other_name],
                keys: FxHashMap::default(),
                errors: vec![other_error],
                error_ids: FxHashMap::default(),
                fingerprints: vec![other_fingerprint],
                fingerprint_ids: FxHashMap::default(),
                fingerprint_of: vec![FingerprintId::OTHER],
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
        let fingerprint = Fingerprint {
            key,
            kind: fingerprint::kind(&text),
            pattern: redact::text(&fingerprint::pattern(&text)).into(),
        };
        self.tables.write().add_error(key, &text, fingerprint)
    }

    /// The group an error belongs to.
    pub fn fingerprint_of(&self, error: ErrorId) -> FingerprintId {
        self.tables.read().fingerprint_of[error.index()]
    }

    /// What a group of errors has in common.
    pub fn fingerprint(&self, id: FingerprintId) -> Fingerprint {
        self.tables.read().fingerprints[id.index()].clone()
    }

    /// Examples of errors, and the workers they came from.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether an example of an error would be welcome now; making one costs something.
    pub fn wants_example(&self, error: ErrorId, now_ms: u64) -> bool {
        self.faults.wants(self.fingerprint_of(error), now_ms)
    }

    /// Keeps an example of an error.
    pub fn add_example(&self, error: ErrorId, example: Example) {
        let fingerprint = self.fingerprint_of(error);
        self.faults.add(fingerprint, error, example);
    }

    /// Counts errors of a worker.
    pub fn count_errors(&self, worker: &str, error: ErrorId, times: u64) {
        self.faults.count(self.fingerprint_of(error), worker, times);
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

    fn add_error(&mut self, key: KeyId, text: &str, fingerprint: Fingerprint) -> ErrorId {
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
        let fingerprint = self.add_fingerprint(fingerprint);
        self.fingerprint_of.push(fingerprint);
        error
    }

    fn add_fingerprint(&mut self, fingerprint: Fingerprint) -> FingerprintId {
        let known = (fingerprint.key, Arc::clone(&fingerprint.pattern));
        if let Some(&id) = self.fingerprint_ids.get(&known) {
            return id;
        }
        if self.fingerprints.len() > MAX_FINGERPRINTS {
            return FingerprintId::OTHER;
        }
        let next = u32::try_from(self.fingerprints.len()).expect("bounded by MAX_FINGERPRINTS");
        self.fingerprint_ids.insert(known, FingerprintId(next));
        self.fingerprints.push(fingerprint);
        FingerprintId(next)
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
