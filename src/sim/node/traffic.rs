//! Traffic: when a source sends next, and what it says.
//!
//! Invariant: a send's time depends on the source's own count of sends, never on anything downstream
//! (an open workload, compute semantics CL-1).

use serde::{Deserialize, Serialize};

use crate::scene::kind::{PayloadTemplate, Traffic};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::draw::{Draw, Purpose, exponential};
use crate::sim::effects::Effects;
use crate::sim::id::MessageId;
use crate::sim::node::Templates;
use crate::sim::payload::Payload;

/// Candidates of thinning that are tried before a source gives its rate up as zero.
const THINNING_TRIES: u32 = 100_000;

/// A traffic model, ready to draw from. Rates are in sends a nanosecond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrafficModel {
    /// One every so often.
    Constant(SimSpan),
    /// Independent, with this mean interval in nanoseconds.
    Poisson(f64),
    /// This many at once, with this period; zero: once.
    Burst(u32, SimSpan),
    /// A rate that follows these points, straight lines between; repeated with the period, if any.
    Curve {
        /// (time, rate), in order of time.
        points: Vec<(SimTime, f64)>,
        /// The curve begins anew after this.
        period: Option<SimSpan>,
        /// The highest rate.
        highest: f64,
    },
    /// Never.
    Silent,
}

/// Payloads by weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayloadChoice {
    /// (sum of weights up to here, template, variants).
    steps: Vec<(u32, u32, u32)>,
}

impl TrafficModel {
    /// Makes a scene's traffic ready to draw from.
    pub fn new(traffic: &Traffic) -> TrafficModel {
        let per_nano = |rate: &crate::scene::units::Rate| rate.hertz() / 1e9;
        match traffic {
            Traffic::Constant(rate) if rate.hertz() > 0.0 => {
                TrafficModel::Constant(SimSpan::from_seconds_f64(1.0 / rate.hertz()).max(SimSpan::from_nanos(1)))
            }
            Traffic::Poisson(rate) if rate.hertz() > 0.0 => TrafficModel::Poisson(1e9 / rate.hertz()),
            Traffic::Constant(_) | Traffic::Poisson(_) => TrafficModel::Silent,
            Traffic::Burst(count, period) => TrafficModel::Burst(*count, period.span()),
            Traffic::Ramp(from, to, over) => {
                let points = vec![(SimTime::ZERO, per_nano(from)), (SimTime::ZERO + over.span(), per_nano(to))];
                TrafficModel::curve(points, None)
            }
            Traffic::Profile(day, points) => {
                let points = points.iter().map(|(at, rate)| (SimTime::ZERO + at.span(), per_nano(rate))).collect();
                TrafficModel::curve(points, Some(day.span()).filter(|day| !day.is_zero()))
            }
        }
    }

    fn curve(mut points: Vec<(SimTime, f64)>, period: Option<SimSpan>) -> TrafficModel {
        points.sort_by_key(|(at, _)| *at);
        let highest = points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        if highest <= 0.0 {
            return TrafficModel::Silent;
        }
        TrafficModel::Curve { points, period, highest }
    }

    /// When the first send is due, for a source that begins at `start`.
    pub fn first(&self, start: SimTime, key: u64) -> Option<SimTime> {
        match self {
            TrafficModel::Constant(_) | TrafficModel::Burst(..) => Some(start),
            _ => self.next(start, 0, key),
        }
    }

    /// When the send after the `count`-th is due, which was at `last`.
    pub fn next(&self, last: SimTime, count: u64, key: u64) -> Option<SimTime> {
        let mut draw = Draw::new(key, Purpose::Interval, count, 0, 0);
        match self {
            TrafficModel::Constant(interval) => Some(last + *interval),
            TrafficModel::Poisson(mean) => Some(last + exponential(*mean, &mut draw)),
            TrafficModel::Burst(_, period) => (!period.is_zero()).then(|| last + *period),
            TrafficModel::Curve { points, period, highest } => thin(points, *period, *highest, last, &mut draw),
            TrafficModel::Silent => None,
        }
    }

    /// How many are sent at each due time.
    pub fn count(&self) -> u32 {
        match self {
            TrafficModel::Burst(count, _) => *count,
            _ => 1,
        }
    }

    /// Sends a second, for estimates of load.
    pub fn mean_hertz(&self) -> f64 {
        match self {
            TrafficModel::Constant(interval) => 1.0 / interval.seconds(),
            TrafficModel::Poisson(mean) => 1e9 / mean,
            TrafficModel::Burst(count, period) => f64::from(*count) / period.seconds().max(1.0),
            TrafficModel::Curve { highest, .. } => highest * 0.5e9,
            TrafficModel::Silent => 0.0,
        }
    }
}

/// Non-homogeneous Poisson by thinning with the highest rate (compute semantics CL-7; Lewis and Shedler 1979).
fn thin(
    points: &[(SimTime, f64)],
    period: Option<SimSpan>,
    highest: f64,
    last: SimTime,
    draw: &mut Draw,
) -> Option<SimTime> {
    let mut at = last;
    for _ in 0..THINNING_TRIES {
        at = at.checked_add(exponential(1.0 / highest, draw))?;
        if draw.unit() * highest <= rate_at(points, period, at) {
            return Some(at);
        }
    }
    None
}

fn rate_at(points: &[(SimTime, f64)], period: Option<SimSpan>, at: SimTime) -> f64 {
    let at = match period {
        Some(period) => SimTime::from_nanos(at.nanos() % period.nanos()),
        None => at,
    };
    let after = points.partition_point(|(time, _)| *time <= at);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some((from, low)), Some((to, high))) => {
            let part = at.since(*from).nanos() as f64 / to.since(*from).nanos().max(1) as f64;
            low + (high - low) * part
        }
        (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
        (None, None) => 0.0,
    }
}

impl PayloadChoice {
    /// The choice among a source's templates, whose rows in the model begin at `templates.first`.
    pub fn new(payloads: &[PayloadTemplate], templates: Templates) -> PayloadChoice {
        let mut sum = 0u32;
        let mut steps = Vec::new();
        for (row, payload) in (templates.first..).zip(payloads) {
            sum = sum.saturating_add(payload.weight);
            steps.push((sum, row, payload.variants.max(1)));
        }
        if steps.is_empty() {
            steps.push((1, templates.first, 1));
        }
        PayloadChoice { steps }
    }

    /// What the next message says.
    pub fn draw(&self, effects: &Effects, message: MessageId) -> Payload {
        let mut draw = effects.draw(Purpose::Payload, message, 0, 0);
        let weights = self.steps.last().map_or(1, |(sum, ..)| *sum);
        let pick = draw.below(weights);
        let step = self.steps.iter().find(|(sum, ..)| pick < *sum).or(self.steps.last());
        step.map_or(Payload::default(), |(_, template, variants)| {
            Payload::of_template(*template, draw.below(*variants))
        })
    }
}
