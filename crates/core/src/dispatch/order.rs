//! In which order the classes take their turns.

use std::cmp::Ordering;

/// An endless succession of classes in proportion to their weights.
///
/// Each turn goes to the class that brings the shares given so far closest to the weights, in
/// the sense of the Kullback-Leibler divergence: the one with the smallest
/// `w * log2(x / (x + 1))`, where `x` starts at `w` and grows by one with every turn. Ties go
/// to the class with the smaller `x + 1`, then weight, then name.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    turns: Vec<Turns>,
}

#[derive(Clone, Debug)]
struct Turns {
    class: usize,
    name: String,
    weight: f64,
    /// The weight and the number of turns so far together.
    taken: f64,
}

impl Order {
    /// Gives a class, known by a position and a name, its turns; none without weight.
    pub(super) fn add(&mut self, class: usize, name: &str, weight: f64) {
        if weight > 0.0 {
            let name = name.to_owned();
            self.turns.push(Turns {
                class,
                name,
                weight,
                taken: weight,
            });
        }
    }

    /// The position of the class whose turn it is; none if there are no classes.
    pub(super) fn next(&mut self) -> Option<usize> {
        let next = self.turns.iter_mut().min_by(|a, b| a.cmp(b))?;
        next.taken += 1.0;
        Some(next.class)
    }
}

impl Turns {
    /// Whose turn it is first.
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.rank().into_iter().zip(other.rank());
        let by_number = numbers.map(|(mine, theirs)| mine.total_cmp(&theirs));
        by_number
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| self.name.cmp(&other.name))
    }

    /// What decides, the more important first.
    fn rank(&self) -> [f64; 3] {
        let after = self.taken + 1.0;
        [
            self.weight * (self.taken / after).log2(),
            after,
            self.weight,
        ]
    }
}
