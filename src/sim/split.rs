//! The split: which partition owns which node, and how far partitions may run without talking.
//!
//! Invariant: nodes joined by a zero latency form an island, which is never split.
//! Invariant: results can't tell which split a run had.

use crate::scene::time::SimSpan;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::model::Model;

/// Partitions a thread: enough to even out their loads; more cost more mail bags than they win
/// (measured: 32 a thread lose a third of the speed).
const PARTITIONS_PER_THREAD: usize = 4;
/// Islands that are enough to keep some cores busy.
const PIECES_WANTED: usize = 8;

/// Which partition owns which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    of: Vec<u32>,
    local: Vec<u32>,
    members: Vec<Vec<NodeIndex>>,
    /// No event crosses partitions in less; a window is this long.
    pub lookahead: SimSpan,
    /// The link whose floor sets the lookahead: it limits parallelism.
    pub limiting: Option<LinkIndex>,
    /// Islands that the latencies leave.
    pub islands: u32,
}

/// Sets of nodes that belong together.
struct Sets {
    parent: Vec<u32>,
}

impl Sets {
    fn new(count: usize) -> Sets {
        Sets { parent: (0..count as u32).collect() }
    }

    fn find(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    /// Joins two sets; the smaller number stays the root, so that the order of joins does not show.
    fn join(&mut self, a: NodeIndex, b: NodeIndex) {
        let (a, b) = (self.find(a.0), self.find(b.0));
        self.parent[a.max(b) as usize] = a.min(b);
    }

    fn pieces(&mut self) -> Vec<Vec<NodeIndex>> {
        let count = self.parent.len();
        let mut by_root = vec![Vec::new(); count];
        for node in 0..count as u32 {
            by_root[self.find(node) as usize].push(NodeIndex(node));
        }
        by_root.retain(|piece| !piece.is_empty());
        by_root
    }
}

impl Split {
    /// Everything in one partition.
    pub fn whole(model: &Model) -> Split {
        let islands = pieces_at(model, SimSpan::from_nanos(1)).len() as u32;
        Split::of_bins(model, vec![(0..model.nodes.len() as u32).map(NodeIndex).collect()], islands)
    }

    /// `wanted` partitions, or as many as there are islands where those are fewer.
    pub fn into(model: &Model, wanted: u32) -> Split {
        let pieces = pieces_at(model, SimSpan::from_nanos(1));
        let islands = pieces.len() as u32;
        Split::of_bins(model, pack(model, pieces, wanted.max(1) as usize), islands)
    }

    /// The split that the latencies suggest for some threads: the longest windows that still leave
    /// enough pieces.
    pub fn from_latencies(model: &Model, threads: usize) -> Split {
        let mut floors: Vec<SimSpan> = model.links.iter().map(|link| link.floor).filter(|f| !f.is_zero()).collect();
        floors.sort_unstable();
        floors.dedup();
        let islands = pieces_at(model, SimSpan::from_nanos(1)).len() as u32;
        let wanted = PIECES_WANTED.min(islands as usize);
        let bins = threads.saturating_mul(PARTITIONS_PER_THREAD).max(PIECES_WANTED);
        // Pieces only shrink in number as the floor below which links are joined rises.
        let fits = floors.partition_point(|floor| pieces_at(model, *floor).len() >= wanted);
        let least = fits.checked_sub(1).and_then(|at| floors.get(at)).copied().unwrap_or(SimSpan::from_nanos(1));
        Split::of_bins(model, pack(model, pieces_at(model, least), bins), islands)
    }

    fn of_bins(model: &Model, members: Vec<Vec<NodeIndex>>, islands: u32) -> Split {
        let mut of = vec![0; model.nodes.len()];
        let mut local = vec![0; model.nodes.len()];
        for (partition, nodes) in (0u32..).zip(&members) {
            for (row, node) in (0u32..).zip(nodes) {
                of[node.row()] = partition;
                local[node.row()] = row;
            }
        }
        let crossing = (0u32..)
            .zip(&model.links)
            .filter(|(_, link)| of[link.source.row()] != of[link.target.row()])
            .min_by_key(|(_, link)| link.floor);
        let lookahead = crossing.map_or(SimSpan::from_millis(1), |(_, link)| link.floor);
        let limiting = crossing.map(|(row, _)| LinkIndex(row));
        Split { of, local, members, lookahead, limiting, islands }
    }

    /// The partition that owns a node.
    #[inline]
    pub fn partition(&self, node: NodeIndex) -> u32 {
        self.of[node.row()]
    }

    /// A node's row inside its partition.
    #[inline]
    pub fn local(&self, node: NodeIndex) -> u32 {
        self.local[node.row()]
    }

    /// The nodes of each partition.
    pub fn members(&self) -> &[Vec<NodeIndex>] {
        &self.members
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u32 {
        self.members.len() as u32
    }
}

/// The sets of nodes joined by links without latency, in the order of their first nodes.
pub fn islands(model: &Model) -> Vec<Vec<NodeIndex>> {
    pieces_at(model, SimSpan::from_nanos(1))
}

/// The sets of nodes joined by links whose floor is under `least`.
fn pieces_at(model: &Model, least: SimSpan) -> Vec<Vec<NodeIndex>> {
    let mut sets = Sets::new(model.nodes.len());
    for link in &model.links {
        if link.floor < least {
            sets.join(link.source, link.target);
        }
    }
    sets.pieces()
}

/// Pieces into at most `bins` bins, the heaviest first, each into the lightest bin.
fn pack(model: &Model, pieces: Vec<Vec<NodeIndex>>, bins: usize) -> Vec<Vec<NodeIndex>> {
    // Loads as integers: their sums must not depend on an order.
    let load =
        |piece: &[NodeIndex]| piece.iter().map(|node| (model.nodes[node.row()].load * 1e3) as u64 + 1).sum::<u64>();
    let mut weighed: Vec<(u64, Vec<NodeIndex>)> = pieces.into_iter().map(|piece| (load(&piece), piece)).collect();
    weighed.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.first().cmp(&b.1.first())));
    let bins = bins.min(weighed.len()).max(1);
    let mut filled = vec![Vec::new(); bins];
    let mut lightest: std::collections::BinaryHeap<std::cmp::Reverse<(u64, usize)>> =
        (0..bins).map(|bin| std::cmp::Reverse((0, bin))).collect();
    for (weight, piece) in weighed {
        if let Some(std::cmp::Reverse((sum, bin))) = lightest.pop() {
            filled[bin].extend(piece);
            lightest.push(std::cmp::Reverse((sum + weight, bin)));
        }
    }
    for members in &mut filled {
        members.sort_unstable();
    }
    filled
}
