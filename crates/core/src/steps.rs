//! A whole run in few steps: where there would be too many, neighbours become one.

/// How many steps are kept at most.
const MOST: usize = 600;

/// What is known of one step.
pub trait Step {
    /// The second (Unix epoch) in which the step began.
    fn second(&self) -> u64;

    /// Has it begin in another second.
    fn set_second(&mut self, second: u64);

    /// Takes in a step that follows, or is the same.
    fn join(&mut self, next: Self);
}

/// Steps of equal length, those without anything left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps<T> {
    /// Seconds that one step covers.
    pub step: u64,
    /// The oldest first.
    pub points: Vec<T>,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self {
            step: 1,
            points: Vec::new(),
        }
    }
}

impl<T: Step> Steps<T> {
    /// Adds a finished second, none before the last one.
    pub fn push(&mut self, second: T) {
        self.add(second);
        if self.points.len() > MOST {
            let points = std::mem::take(&mut self.points);
            self.step *= 2;
            for point in points {
                self.add(point);
            }
        }
    }

    fn add(&mut self, mut point: T) {
        let second = point.second() - point.second() % self.step;
        point.set_second(second);
        match self.points.last_mut() {
            Some(last) if last.second() >= second => last.join(point),
            _ => self.points.push(point),
        }
    }
}

impl<T: Step + Clone> Steps<T> {
    /// The steps that begin in this second or later.
    #[must_use]
    pub fn since(&self, t: u64) -> Self {
        let from = self.points.partition_point(|point| point.second() < t);
        Self {
            step: self.step,
            points: self.points[from..].to_vec(),
        }
    }
}
