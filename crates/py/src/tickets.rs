//! Which greenlet waits for which request.
//!
//! The engine knows tickets only; the Python objects stay on Python's side of the door.

use pyo3::prelude::*;

/// A place in [`Tickets`], good for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) place: u32,
    turn: u32,
}

impl Ticket {
    /// As Python knows it.
    pub(crate) fn number(self) -> i64 {
        i64::try_from(u64::from(self)).expect("tickets use 62 bits")
    }
}

impl From<Ticket> for u64 {
    fn from(ticket: Ticket) -> Self {
        (Self::from(ticket.turn) << 32) | Self::from(ticket.place)
    }
}

impl From<u64> for Ticket {
    fn from(number: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
        Self {
            place: number as u32,
            turn: (number >> 32) as u32,
        }
    }
}

#[derive(Default)]
pub(crate) struct Tickets {
    places: Vec<Place>,
    free: Vec<u32>,
}

struct Place {
    turn: u32,
    waiter: Option<Py<PyAny>>,
}

impl Tickets {
    pub(crate) fn issue(&mut self, waiter: Py<PyAny>) -> Ticket {
        if let Some(place) = self.free.pop() {
            let entry = &mut self.places[place as usize];
            entry.waiter = Some(waiter);
            return Ticket {
                place,
                turn: entry.turn,
            };
        }
        let place = u32::try_from(self.places.len()).expect("fewer than 2^32 greenlets");
        self.places.push(Place {
            turn: 0,
            waiter: Some(waiter),
        });
        Ticket { place, turn: 0 }
    }

    /// The greenlet, unless it gave up meanwhile.
    pub(crate) fn redeem(&mut self, ticket: Ticket) -> Option<Py<PyAny>> {
        let entry = self
            .places
            .get_mut(ticket.place as usize)
            .filter(|entry| entry.turn == ticket.turn)?;
        let waiter = entry.waiter.take()?;
        entry.turn = entry.turn.wrapping_add(1) & 0x3fff_ffff;
        self.free.push(ticket.place);
        Some(waiter)
    }
}
