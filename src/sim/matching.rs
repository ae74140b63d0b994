//! Matched routes, remembered by payload.
//!
//! Invariant: derived and droppable: a lost cache costs time, never a result.

use std::collections::BTreeMap;

use crate::sim::id::NodeIndex;
use crate::sim::payload::Payload;

/// Templates have at most this many variants in a dense table; others go to a map.
const DENSE_VARIANTS: u32 = 65_536;

/// What a partition's buses and routers found out.
#[derive(Clone, Debug, Default)]
pub struct MatchCache {
    nodes: BTreeMap<NodeIndex, NodeMatches>,
}

#[derive(Clone, Debug, Default)]
struct NodeMatches {
    /// By template and variant: a set's number and one, or zero.
    dense: Vec<Vec<u32>>,
    sparse: BTreeMap<Payload, u32>,
    sets: Vec<Vec<u32>>,
}

impl MatchCache {
    /// The set of a payload, if it was found before.
    #[inline]
    pub fn get(&self, node: NodeIndex, payload: Payload) -> Option<u32> {
        let matches = self.nodes.get(&node)?;
        match payload.template() {
            Some((template, variant)) if variant < DENSE_VARIANTS => {
                matches.dense.get(template as usize)?.get(variant as usize)?.checked_sub(1)
            }
            _ => matches.sparse.get(&payload).copied(),
        }
    }

    /// Keeps the rows that a payload matches and returns the set's number.
    pub fn insert(&mut self, node: NodeIndex, payload: Payload, rows: Vec<u32>) -> u32 {
        let matches = self.nodes.entry(node).or_default();
        let set = match matches.sets.iter().position(|known| *known == rows) {
            Some(at) => at as u32,
            None => {
                matches.sets.push(rows);
                matches.sets.len() as u32 - 1
            }
        };
        match payload.template() {
            Some((template, variant)) if variant < DENSE_VARIANTS => {
                let (template, variant) = (template as usize, variant as usize);
                if matches.dense.len() <= template {
                    matches.dense.resize(template + 1, Vec::new());
                }
                if matches.dense[template].len() <= variant {
                    matches.dense[template].resize(variant + 1, 0);
                }
                matches.dense[template][variant] = set + 1;
            }
            _ => {
                matches.sparse.insert(payload, set);
            }
        }
        set
    }

    /// The `at`-th row of a set.
    #[inline]
    pub fn row(&self, node: NodeIndex, set: u32, at: usize) -> Option<u32> {
        self.nodes.get(&node)?.sets.get(set as usize)?.get(at).copied()
    }
}
