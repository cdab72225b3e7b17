//! Everything that a test usually needs: `use katydid::prelude::*;`

pub use crate::data::Feed;
pub use crate::wait::{Lengths, Wait, between, constant, constant_pacing, constant_throughput};
pub use crate::{
    Flow, HttpUser, Load, Response, Shape, Task, TaskError, TaskResult, Test, User, task,
};
