//! Retry: how long a sender waits before it tries again.
//!
//! Source: the exact formulas of the compute semantics, section 5.4.

use serde::{Deserialize, Serialize};

use crate::scene::kind::{Jitter, Retry};
use crate::scene::time::SimSpan;
use crate::sim::draw::Draw;

/// A retry policy, ready to use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Attempts in all, the first included.
    pub attempts: u32,
    base: SimSpan,
    cap: SimSpan,
    jitter: Jitter,
}

impl Backoff {
    /// Makes a scene's retry policy ready to use.
    pub fn new(retry: &Retry) -> Backoff {
        let Retry { attempts, base, cap, jitter } = retry;
        Backoff { attempts: (*attempts).max(1), base: base.span(), cap: cap.span(), jitter: *jitter }
    }

    /// The wait after the `attempt`-th attempt failed, counted from 1: `min(cap, base x 2^(attempt-1))`, spread.
    pub fn wait(&self, attempt: u32, draw: &mut Draw) -> SimSpan {
        let doubled = 1u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
        let wait = self.base.saturating_mul(doubled).min(self.cap);
        let part = |span: SimSpan, draw: &mut Draw| {
            SimSpan::from_nanos(((u128::from(draw.bits()) * u128::from(span.nanos())) >> 64) as u64)
        };
        match self.jitter {
            Jitter::None => wait,
            Jitter::Full => part(wait, draw),
            Jitter::Equal => {
                let half = SimSpan::from_nanos(wait.nanos() / 2);
                half.saturating_add(part(half, draw))
            }
        }
    }
}
