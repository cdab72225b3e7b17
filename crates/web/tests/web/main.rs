//! The server as clients see it: over TCP, against a real node.

mod support;

mod api;
mod arbitrary;
mod guard;
mod locust;
mod page;
mod pages;
mod secure;
mod stream;
