//! Luck: counter-based draws, and the distributions made of them.
//!
//! Invariant: a draw is a function of (seed, node's id, purpose, message, attempt) and nothing else,
//! so adding a node elsewhere changes nobody's luck and two variants of a scene meet the same weather.
//! Invariant: only `libm` computes floating-point functions, so every platform draws the same.
//!
//! Philox 4x32 with 10 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.

use serde::{Deserialize, Serialize};

use crate::scene::time::SimSpan;
use crate::scene::units::{Duration, Spread};

/// What a draw decides. The number is part of the key: never reuse one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Purpose {
    /// The latency of a hop.
    Latency = 1,
    /// Whether a hop is lost.
    Loss = 2,
    /// The time to the next send.
    Interval = 3,
    /// What a message says.
    Payload = 4,
    /// How long work takes.
    Service = 5,
    /// How long a cold start takes.
    ColdStart = 6,
    /// Whether work fails.
    Failure = 7,
    /// The wait before a retry.
    Backoff = 8,
    /// Which way a router sends.
    Route = 9,
    /// How long a user thinks.
    Think = 10,
    /// Which message a queue hands out.
    Order = 11,
    /// How many messages a function sends.
    Sends = 12,
    /// A node's own overhead.
    Overhead = 13,
    /// Whether a request to a store reads or writes.
    Access = 14,
    /// How long a warm environment takes to begin.
    WarmStart = 15,
}

/// The words of one draw; more are drawn on demand.
#[derive(Clone, Debug)]
pub struct Draw {
    key: [u32; 2],
    counter: [u32; 4],
    words: [u32; 4],
    used: u8,
}

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One block of Philox 4x32-10.
#[inline]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let low = MULTIPLIERS[0] * u64::from(counter[0]);
        let high = MULTIPLIERS[1] * u64::from(counter[2]);
        counter = [
            (high >> 32) as u32 ^ counter[1] ^ key[0],
            high as u32,
            (low >> 32) as u32 ^ counter[3] ^ key[1],
            low as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

impl Draw {
    /// The draw of `node_key` (seed and node's hash, mixed once) for a message and an attempt.
    ///
    /// `salt` tells apart several draws of one purpose, such as the links of a node; 8 bits of
    /// block count are kept below the purpose.
    #[inline]
    pub fn new(node_key: u64, purpose: Purpose, message: u64, attempt: u16, salt: u32) -> Draw {
        let key = [node_key as u32, (node_key >> 32) as u32];
        let counter = [message as u32, (message >> 32) as u32, (purpose as u32) << 16 | u32::from(attempt), salt];
        Draw { key, counter, words: philox(counter, key), used: 0 }
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        if self.used >= 2 {
            // The purpose's upper byte counts the blocks: purposes stay below 256.
            self.counter[2] = self.counter[2].wrapping_add(1 << 24);
            self.words = philox(self.counter, self.key);
            self.used = 0;
        }
        let at = usize::from(self.used) * 2;
        self.used += 1;
        u64::from(self.words[at]) | u64::from(self.words[at + 1]) << 32
    }

    /// A number above 0 and up to 1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number from 0 to `below` - 1; 0 where `below` is 0.
    #[inline]
    pub fn below(&mut self, below: u32) -> u32 {
        // Lemire's multiply-shift; the bias is under 2^-32 for 64 bits of input.
        ((u128::from(self.bits()) * u128::from(below)) >> 64) as u32
    }

    /// Whether an event of this probability happens.
    #[inline]
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() <= probability
    }
}

/// The key of a node's draws.
pub fn node_key(seed: u64, node_hash: u64) -> u64 {
    let mixed = philox([seed as u32, (seed >> 32) as u32, node_hash as u32, (node_hash >> 32) as u32], WEYL);
    u64::from(mixed[0]) | u64::from(mixed[1]) << 32
}

/// A distribution of lengths of time, ready to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sampler {
    /// Always this.
    Constant(SimSpan),
    /// Evenly from the first, this much further at most.
    Uniform(SimSpan, SimSpan),
    /// The first, and an exponential part with the second (nanoseconds) as its mean.
    Exponential(SimSpan, f64),
    /// exp of a normal with this mean and deviation, in nanoseconds.
    Lognormal(f64, f64),
    /// The sum of this many exponential parts, each with this mean in nanoseconds.
    Erlang(u32, f64),
}

/// The normal quantile of 99 %, which people's "p99" is measured in.
const NORMAL_P99: f64 = 2.326_347_874_040_841;
/// The normal quantile of 0.1 %, which gives a lognormal's floor.
const NORMAL_P001: f64 = -3.090_232_306_167_813;

impl Sampler {
    /// The distribution that a scene describes.
    pub fn new(spread: &Spread) -> Sampler {
        let nanos = |duration: &Duration| duration.span().nanos() as f64;
        match spread {
            Spread::Constant(at) => Sampler::Constant(at.span()),
            Spread::Uniform(low, high) => Sampler::Uniform(low.span(), high.span().saturating_sub(low.span())),
            Spread::Exponential(mean) => Sampler::Exponential(SimSpan::ZERO, nanos(mean)),
            Spread::ShiftedExponential(offset, mean) => Sampler::Exponential(offset.span(), nanos(mean)),
            Spread::Lognormal(median, p99) => {
                let median = nanos(median).max(1.0);
                Sampler::Lognormal(libm::log(median), (libm::log(nanos(p99).max(median) / median)) / NORMAL_P99)
            }
            Spread::Erlang(parts, mean) => {
                let parts = (*parts).clamp(1, 1_000);
                Sampler::Erlang(parts, nanos(mean) / f64::from(parts))
            }
        }
    }

    /// The distribution as bits, equal where two are.
    pub fn bits(&self) -> (u8, u64, u64) {
        match *self {
            Sampler::Constant(span) => (0, span.nanos(), 0),
            Sampler::Uniform(low, width) => (1, low.nanos(), width.nanos()),
            Sampler::Exponential(offset, mean) => (2, offset.nanos(), mean.to_bits()),
            Sampler::Lognormal(mean, deviation) => (3, mean.to_bits(), deviation.to_bits()),
            Sampler::Erlang(parts, mean) => (4, u64::from(parts), mean.to_bits()),
        }
    }

    /// One draw of it.
    #[inline]
    pub fn sample(&self, draw: &mut Draw) -> SimSpan {
        match *self {
            Sampler::Constant(span) => span,
            Sampler::Uniform(low, width) => {
                let part = (u128::from(draw.bits()) * u128::from(width.nanos())) >> 64;
                low.saturating_add(SimSpan::from_nanos(part as u64))
            }
            Sampler::Exponential(offset, mean) => offset.saturating_add(exponential(mean, draw)),
            Sampler::Lognormal(mean, deviation) => {
                let nanos = libm::exp(mean + deviation * normal(draw));
                SimSpan::from_nanos(nanos as u64)
            }
            Sampler::Erlang(parts, mean) => {
                let mut sum = SimSpan::ZERO;
                for _ in 0..parts {
                    sum = sum.saturating_add(exponential(mean, draw));
                }
                sum
            }
        }
    }

    /// The 0.1 % quantile, under which no hop of this distribution is let go.
    pub fn low_quantile(&self) -> SimSpan {
        const REST: f64 = 0.999;
        match *self {
            Sampler::Constant(span) => span,
            Sampler::Uniform(low, width) => low.saturating_add(SimSpan::from_nanos(width.nanos() / 1_000)),
            Sampler::Exponential(offset, mean) => {
                offset.saturating_add(SimSpan::from_nanos((-mean * libm::log(REST)) as u64))
            }
            Sampler::Lognormal(mean, deviation) => {
                SimSpan::from_nanos(libm::exp(mean + deviation * NORMAL_P001) as u64)
            }
            Sampler::Erlang(parts, mean) => SimSpan::from_nanos(erlang_low_quantile(parts, mean) as u64),
        }
    }

    /// The mean, for estimates of load.
    pub fn mean(&self) -> SimSpan {
        match *self {
            Sampler::Constant(span) => span,
            Sampler::Uniform(low, width) => low.saturating_add(SimSpan::from_nanos(width.nanos() / 2)),
            Sampler::Exponential(offset, mean) => offset.saturating_add(SimSpan::from_nanos(mean as u64)),
            Sampler::Lognormal(mean, deviation) => {
                SimSpan::from_nanos(libm::exp(mean + deviation * deviation / 2.0) as u64)
            }
            Sampler::Erlang(parts, mean) => SimSpan::from_nanos((mean * f64::from(parts)) as u64),
        }
    }
}

/// An exponential draw with this mean, in nanoseconds.
#[inline]
pub fn exponential(mean: f64, draw: &mut Draw) -> SimSpan {
    SimSpan::from_nanos((-mean * libm::log(draw.unit())) as u64)
}

/// A standard normal draw (Box and Muller, one of the pair: the other would need memory).
#[inline]
fn normal(draw: &mut Draw) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(draw.unit()));
    radius * libm::cos(std::f64::consts::TAU * draw.unit())
}

/// The 0.1 % quantile of a sum of exponentials, by halving the interval around it.
fn erlang_low_quantile(parts: u32, mean: f64) -> f64 {
    let below = |x: f64| {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..parts {
            term *= x / f64::from(k);
            sum += term;
        }
        1.0 - libm::exp(-x) * sum
    };
    let (mut low, mut high) = (0.0, f64::from(parts));
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if below(middle) < 0.001 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low * mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_answers() {
        // Known answers of the paper's reference implementation.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[track_caller]
    fn check_mean(spread: Spread, tolerance: f64) {
        let sampler = Sampler::new(&spread);
        let count = 40_000;
        let sum: f64 = (0..count).map(|i| sampler.sample(&mut Draw::new(7, Purpose::Service, i, 0, 0)).seconds()).sum();
        let (mean, expected) = (sum / count as f64, sampler.mean().seconds());
        assert!((mean / expected - 1.0).abs() < tolerance, "{spread:?}: mean {mean}, expected {expected}");
    }

    #[test]
    fn samples_have_the_mean_of_their_distribution() {
        check_mean(Spread::Uniform(Duration::millis(10), Duration::millis(30)), 0.01);
        check_mean(Spread::Exponential(Duration::millis(20)), 0.02);
        check_mean(Spread::Lognormal(Duration::millis(8), Duration::millis(40)), 0.02);
        check_mean(Spread::Erlang(4, Duration::millis(20)), 0.01);
    }

    #[test]
    fn one_sample_in_a_thousand_lies_under_the_low_quantile() {
        for spread in [
            Spread::Lognormal(Duration::millis(8), Duration::millis(40)),
            Spread::Erlang(3, Duration::millis(20)),
            Spread::ShiftedExponential(Duration::millis(1), Duration::millis(8)),
        ] {
            let sampler = Sampler::new(&spread);
            let floor = sampler.low_quantile();
            let under =
                (0..100_000).filter(|&i| sampler.sample(&mut Draw::new(3, Purpose::Latency, i, 0, 0)) < floor).count();
            assert!((60..150).contains(&under), "{spread:?}: {under} of 100000");
        }
        let documented = Sampler::new(&Spread::Lognormal(Duration::millis(8), Duration::millis(40))).low_quantile();
        assert_eq!(documented.nanos() / 10_000, 94, "8/40 ms has a floor of 0.94 ms");
    }
}
