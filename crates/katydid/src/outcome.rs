//! How a task ends.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::request::RequestError;
use crate::response::CheckFailed;

/// What a task returns.
pub type TaskResult<T = ()> = Result<T, TaskError>;

/// Why a task ended before its end.
///
/// `?` makes one of every error. What a request's own failure or a check makes of it is counted as a failed
/// request already; any other error is kept as an exception, as Locust keeps those that a script does not
/// catch, and makes the run fail. In each case the user goes on with its next task.
pub struct TaskError(pub(crate) Reason);

pub(crate) enum Reason {
    /// A request has failed and is counted.
    Counted(String),
    /// Something else went wrong.
    Error(Box<dyn Error>),
    /// The flow is left; the user goes on with the one around it.
    Leave,
    /// The user ends.
    EndUser,
    /// The test ends.
    EndTest,
}

impl TaskError {
    /// An error of the test's own.
    pub fn msg(text: impl Into<String>) -> Self {
        Self(Reason::Error(text.into().into()))
    }

    /// Leaves the flow that the task is in: the user goes on with the one around it.
    pub const fn leave() -> Self {
        Self(Reason::Leave)
    }

    /// Ends the user. Another one may be started in its place when the load changes.
    pub const fn end_user() -> Self {
        Self(Reason::EndUser)
    }

    /// Ends the whole test.
    pub const fn end_test() -> Self {
        Self(Reason::EndTest)
    }
}

impl<E: Error + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        if any.is::<RequestError>() || any.is::<CheckFailed>() {
            Self(Reason::Counted(error.to_string()))
        } else {
            Self(Reason::Error(Box::new(error)))
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Counted(text) => f.write_str(text),
            Reason::Error(error) => f.write_str(&chain(&**error)),
            Reason::Leave => f.write_str("the flow is left"),
            Reason::EndUser => f.write_str("the user ends"),
            Reason::EndTest => f.write_str("the test ends"),
        }
    }
}

/// An error with those that led to it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
