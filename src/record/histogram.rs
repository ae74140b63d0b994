//! Sparse log-linear histograms of integers, which can be merged.
//!
//! Invariant: any quantile is off by at most 1/64 (under 1.6 %) of its value; count, sum, least and
//! most are exact. Merging is addition, so the order in which values came cannot be seen.
//!
//! The crate `hdrhistogram` holds a dense array of some tens of kilobytes each; a chunk has one for
//! every node, metric and second, most of them with a handful of values, so ours hold only the
//! buckets in use.

/// Buckets of an octave: 32, so a bucket is at most 1/32 of its value wide and its middle is off by
/// at most 1/64.
const OCTAVE_BITS: u32 = 5;
const OCTAVE: u64 = 1 << OCTAVE_BITS;

/// How often which values came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
    /// Bucket and count, sorted by bucket; no count is zero.
    buckets: Vec<(u16, u64)>,
}

/// The bucket of a value.
pub const fn bucket(value: u64) -> u16 {
    if value < OCTAVE {
        return value as u16;
    }
    let shift = 63 - value.leading_zeros() - OCTAVE_BITS;
    // At most (58 + 1) * 32 + 31, far inside 16 bits.
    ((shift as u64 + 1) * OCTAVE + ((value >> shift) - OCTAVE)) as u16
}

/// The value in the middle of a bucket.
pub const fn middle(bucket: u16) -> u64 {
    let bucket = bucket as u64;
    if bucket < OCTAVE {
        return bucket;
    }
    let shift = bucket / OCTAVE - 1;
    if shift > 58 {
        return u64::MAX;
    }
    let low = (OCTAVE + bucket % OCTAVE) << shift;
    low + ((1 << shift) >> 1)
}

impl Histogram {
    /// Adds one value.
    pub fn add(&mut self, value: u64) {
        self.merge(&Histogram {
            count: 1,
            sum: u128::from(value),
            least: value,
            most: value,
            buckets: vec![(bucket(value), 1)],
        });
    }

    /// A histogram from its parts, as a file holds them; `buckets` sorted by bucket.
    pub(crate) fn from_parts(sum: u128, least: u64, most: u64, buckets: Vec<(u16, u64)>) -> Histogram {
        let count = buckets.iter().fold(0u64, |count, (_, more)| count.saturating_add(*more));
        Histogram { count, sum, least, most, buckets }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Histogram) {
        let Histogram { count, sum, least, most, buckets } = other;
        if *count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        self.count = self.count.saturating_add(*count);
        self.sum = self.sum.saturating_add(*sum);
        self.least = self.least.min(*least);
        self.most = self.most.max(*most);
        merge_buckets(&mut self.buckets, buckets);
    }

    /// How many values came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values, exactly.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least value, or `None` where none came.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.least)
    }

    /// The greatest value, or `None` where none came.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.most)
    }

    /// The mean, or `None` where no value came.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value that `share` (0 to 1) of all values do not exceed, or `None` where none came.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = (libm::ceil(share.clamp(0.0, 1.0) * self.count as f64) as u64).clamp(1, self.count.max(1));
        let mut below = 0u64;
        for (bucket, count) in &self.buckets {
            below = below.saturating_add(*count);
            if below >= rank {
                return Some(middle(*bucket).clamp(self.least, self.most));
            }
        }
        None
    }

    /// The buckets in use: middle value and count, in rising order.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.iter().map(|(bucket, count)| (middle(*bucket), *count))
    }

    /// The buckets in use by number, for files.
    pub(crate) fn numbered(&self) -> &[(u16, u64)] {
        &self.buckets
    }
}

fn merge_buckets(into: &mut Vec<(u16, u64)>, from: &[(u16, u64)]) {
    if let [(bucket, count)] = from {
        match into.binary_search_by_key(bucket, |entry| entry.0) {
            Ok(at) => into[at].1 = into[at].1.saturating_add(*count),
            Err(at) => into.insert(at, (*bucket, *count)),
        }
        return;
    }
    let mut merged = Vec::with_capacity(into.len() + from.len());
    let (mut left, mut right) = (into.iter().copied().peekable(), from.iter().copied().peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(one), Some(other)) if one.0 == other.0 => {
                let sum = (one.0, one.1.saturating_add(other.1));
                left.next();
                right.next();
                Some(sum)
            }
            (Some(one), Some(other)) if one.0 < other.0 => left.next(),
            (Some(_), None) => left.next(),
            (_, _) => right.next(),
        };
        match next {
            Some(entry) => merged.push(entry),
            None => break,
        }
    }
    *into = merged;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_greatest_value_has_a_bucket() {
        assert!(bucket(u64::MAX) < 60 * 32);
        assert!(middle(bucket(u64::MAX)) > u64::MAX / 64 * 63);
        assert_eq!(middle(bucket(0)), 0);
        assert_eq!(middle(bucket(31)), 31);
    }

    proptest! {
        #[test]
        fn a_bucket_is_off_by_at_most_a_sixty_fourth(value in any::<u64>(), shift in 0u32..64) {
            let value = value >> shift;
            let off = middle(bucket(value)).abs_diff(value);
            prop_assert!(u128::from(off) * 64 <= u128::from(value), "{value} is off by {off}");
        }

        #[test]
        fn quantiles_keep_the_bound_and_merging_is_adding(
            mut values in prop::collection::vec(0u64..10_000_000_000, 1..200), at in 0usize..200, share in 0.0f64..=1.0,
        ) {
            let at = at.min(values.len());
            let fill = |values: &[u64]| values.iter().fold(Histogram::default(), |mut all, value| { all.add(*value); all });
            let whole = fill(&values);
            let mut merged = fill(&values[at..]);
            merged.merge(&fill(&values[..at]));
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(whole.sum(), values.iter().map(|value| u128::from(*value)).sum::<u128>());
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            let found = whole.quantile(share).unwrap();
            prop_assert!(u128::from(found.abs_diff(exact)) * 64 <= u128::from(exact), "{exact} gave {found}");
        }
    }
}
