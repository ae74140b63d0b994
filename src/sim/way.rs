//! Ways: what the hot loop reads of a link, in sixteen bytes.
//!
//! Invariant: derived from the links of a model, row for row; nothing is here that is not there.
//!
//! A big scene has far more links than kinds of wire, and every hop reads a link at random: small rows
//! and few wires stay in the cache where whole links would not.

use std::collections::BTreeMap;

use crate::scene::time::SimSpan;
use crate::sim::draw::Sampler;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::model::{LinkModel, Visibility};
use crate::sim::row::Direction;

/// Marks the wire of a hidden link.
const HIDDEN: u32 = 1 << 31;

/// Both ends of a link and its wire.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    source: NodeIndex,
    target: NodeIndex,
    hash: u32,
    wire: u32,
}

/// How long hops take and how often they are lost.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// A draw of each hop's latency.
    pub latency: Sampler,
    /// No hop takes less.
    pub floor: SimSpan,
    /// Share of hops lost.
    pub loss: f64,
}

/// The ways of all links, by row.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    ways: Vec<Way>,
    wires: Vec<Wire>,
}

impl Ways {
    /// The ways of `links`.
    pub fn new(links: &[LinkModel]) -> Ways {
        let mut known = BTreeMap::new();
        let mut wires = Vec::new();
        let ways = links.iter().map(|link| {
            let LinkModel { latency, floor, loss, .. } = *link;
            let row = *known.entry((latency.bits(), floor, loss.to_bits())).or_insert_with(|| {
                wires.push(Wire { latency, floor, loss });
                wires.len() as u32 - 1
            });
            let mark = if link.visibility == Visibility::Hidden { HIDDEN } else { 0 };
            Way { source: link.source, target: link.target, hash: link.hash, wire: row | mark }
        });
        Ways { ways: ways.collect(), wires }
    }

    /// The way of a link.
    #[inline]
    pub fn way(&self, link: LinkIndex) -> Way {
        self.ways[link.row()]
    }

    /// Reads the way of a link, if there is one, for nothing but to have it near.
    #[inline]
    pub fn touch(&self, link: LinkIndex) -> u32 {
        self.ways.get(link.row()).map_or(0, |way| way.hash)
    }

    /// The wire of a way.
    #[inline]
    pub fn wire(&self, way: Way) -> &Wire {
        &self.wires[(way.wire & !HIDDEN) as usize]
    }
}

impl Way {
    /// Where a hop in this direction arrives.
    #[inline]
    pub fn end(self, direction: Direction) -> NodeIndex {
        match direction {
            Direction::Forward => self.target,
            Direction::Backward => self.source,
        }
    }

    /// Tells the draws of a node's links and their directions apart.
    #[inline]
    pub fn salt(self, direction: Direction) -> u32 {
        self.hash ^ (direction as u32) << 31
    }

    /// Whether the scene knows the link.
    #[inline]
    pub fn visibility(self) -> Visibility {
        if self.wire & HIDDEN == 0 { Visibility::Scene } else { Visibility::Hidden }
    }
}
