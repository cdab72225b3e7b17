//! Where the requests of a kind of users go, on one lane.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use katydid_http::Target;
use rustc_hash::FxHashMap;

use crate::request::parse;

/// Targets that are remembered; those of more paths are made each time.
const REMEMBERED: usize = 4_096;

/// Host, headers and limits of a kind of users.
pub(crate) struct Base {
    root: Option<Target>,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) timeout: Duration,
    targets: RefCell<FxHashMap<Box<str>, Arc<Target>>>,
}

impl Base {
    pub(crate) fn new(root: Option<Target>, headers: Arc<HeaderMap>, timeout: Duration) -> Self {
        Self {
            root,
            headers,
            timeout,
            targets: RefCell::default(),
        }
    }

    pub(crate) fn host(&self) -> Option<&str> {
        self.root.as_ref().map(|root| root.url.as_str())
    }

    /// What a URL or a path stands for.
    pub(crate) fn target(&self, url: &str) -> Result<Arc<Target>, String> {
        if let Some(known) = self.targets.borrow().get(url) {
            return Ok(Arc::clone(known));
        }
        let target = Arc::new(parse(self.root.as_ref(), url)?);
        let mut targets = self.targets.borrow_mut();
        if targets.len() < REMEMBERED {
            targets.insert(url.into(), Arc::clone(&target));
        }
        Ok(target)
    }
}

/// The bases of all kinds of users, made when the first user of a kind starts.
#[derive(Default)]
pub(crate) struct Bases(RefCell<FxHashMap<usize, Rc<Base>>>);

impl Bases {
    pub(crate) fn of(&self, class: usize, make: impl FnOnce() -> Base) -> Rc<Base> {
        Rc::clone(
            self.0
                .borrow_mut()
                .entry(class)
                .or_insert_with(|| Rc::new(make())),
        )
    }

    /// Forgets them: users that start from now on may have another host.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
