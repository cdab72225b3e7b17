//! The threads that run users: one for each core, each with its own connections and counts.
//!
//! - `lane`: such a thread, and what its users share
//! - `control`: how a user is stopped
//! - `base`: where the requests of a kind of users go
//! - `arrivals`: iterations that begin when they are due
//! - `life`: what one user does from its start to its end
//! - `crew`: all lanes together, as the node's orders reach them
//!
//! Nothing that a request touches is shared between lanes. Four times a second each hands what it has counted to the
//! node.

mod arrivals;
mod base;
mod control;
mod crew;
mod lane;
mod life;

pub(crate) use arrivals::PATIENCE;
pub(crate) use base::Base;
pub(crate) use control::{Control, Phase};
pub(crate) use crew::{Crew, Progress};
pub(crate) use lane::{Ask, Lane, Limit, Shared};
pub(crate) use life::{Ending, Kind, Life};
