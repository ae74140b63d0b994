//! A layered layout on the ground: messages flow along x, layers lie across it along z.
//!
//! Invariant: no two bodies overlap: layers are [`LAYER_STEP`] apart, and bodies of one layer
//! at least [`ROW_STEP`]; a body is at most 4.5 m long and 2.6 m wide.
//! Invariant: the same graph gives the same places; nothing is drawn by chance or by hash order.

use petgraph::algo::{greedy_feedback_arc_set, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;

/// Metres from layer to layer along x.
pub const LAYER_STEP: f64 = 7.5;
/// Metres from body to body inside a layer, along z.
pub const ROW_STEP: f64 = 5.0;
/// Metres between groups of bodies that no link joins.
const GROUP_GAP: f64 = 3.0;
/// Sweeps that bring the bodies of a layer into the order of their neighbors; more change little.
const SWEEPS: usize = 8;

/// The places (x, z) of `count` bodies joined by `edges` (from, to), in metres around the origin.
pub fn layered(count: usize, edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(count, edges.len());
    let mut groups: UnionFind<usize> = UnionFind::new(count);
    let indices: Vec<NodeIndex> = (0..count).map(|_| graph.add_node(())).collect();
    for (from, to) in edges {
        // An edge to oneself or to nowhere says nothing about the order of layers.
        if let (Some(source), Some(target), true) = (indices.get(*from), indices.get(*to), from != to) {
            graph.update_edge(*source, *target, ());
            groups.union(*from, *to);
        }
    }
    turn_back_edges(&mut graph);
    let layers = layers(&graph);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
    for body in 0..count {
        if let Some(group) = members.get_mut(groups.find(body)) {
            group.push(body);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut alone = Vec::new();
    for bodies in members {
        match bodies.len() {
            0 => {}
            1 => alone.extend(bodies),
            _ => groups.push(place_group(&graph, &layers, &bodies)),
        }
    }
    if !alone.is_empty() {
        groups.push(grid(&alone));
    }
    pack(count, groups)
}

/// Bodies that links join, placed around an origin of their own.
struct Group {
    places: Vec<(usize, f64, f64)>,
    size: (f64, f64),
}

/// Turns around a few edges so that no circle is left.
fn turn_back_edges(graph: &mut DiGraph<(), ()>) {
    let back: Vec<(NodeIndex, NodeIndex)> =
        greedy_feedback_arc_set(&*graph).map(|edge| (edge.source(), edge.target())).collect();
    for (source, target) in back {
        if let Some(edge) = graph.find_edge(source, target) {
            graph.remove_edge(edge);
        }
    }
}

/// The layer of each body: one more than the furthest of those before it.
fn layers(graph: &DiGraph<(), ()>) -> Vec<usize> {
    let mut layers = vec![0_usize; graph.node_count()];
    for node in toposort(graph, None).unwrap_or_default() {
        let before = graph.neighbors_directed(node, petgraph::Incoming);
        let layer = before.filter_map(|other| layers.get(other.index())).map(|layer| layer + 1).max().unwrap_or(0);
        if let Some(own) = layers.get_mut(node.index()) {
            *own = layer;
        }
    }
    layers
}

fn place_group(graph: &DiGraph<(), ()>, layers: &[usize], bodies: &[usize]) -> Group {
    let layer_of = |body: usize| layers.get(body).copied().unwrap_or(0);
    let depth = bodies.iter().map(|body| layer_of(*body)).max().unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth + 1];
    for body in bodies {
        if let Some(row) = rows.get_mut(layer_of(*body)) {
            row.push(*body);
        }
    }
    let mut z = vec![0.0; layers.len()];
    rows.iter().for_each(|row| spread(row, &mut z));
    for sweep in 0..SWEEPS {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let direction = if sweep % 2 == 0 { petgraph::Incoming } else { petgraph::Outgoing };
        if direction == petgraph::Outgoing {
            order.reverse();
        }
        for layer in order {
            if let Some(row) = rows.get_mut(layer) {
                follow_neighbors(graph, row, direction, &mut z);
            }
        }
    }
    let places: Vec<(usize, f64, f64)> = bodies
        .iter()
        .map(|body| (*body, layer_of(*body) as f64 * LAYER_STEP, z.get(*body).copied().unwrap_or(0.0)))
        .collect();
    framed(places)
}

/// Orders a layer by the mean place of each body's neighbors and moves it as close to them as room allows.
fn follow_neighbors(graph: &DiGraph<(), ()>, row: &mut [usize], direction: petgraph::Direction, z: &mut [f64]) {
    let wish = |body: usize, z: &[f64]| {
        let mut sum = 0.0;
        let mut neighbors = 0.0;
        for other in graph.neighbors_directed(NodeIndex::new(body), direction) {
            sum += z.get(other.index()).copied().unwrap_or(0.0);
            neighbors += 1.0;
        }
        if neighbors > 0.0 { sum / neighbors } else { z.get(body).copied().unwrap_or(0.0) }
    };
    let mut wishes: Vec<(f64, usize)> = row.iter().map(|body| (wish(*body, z), *body)).collect();
    wishes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut places: Vec<f64> = Vec::with_capacity(wishes.len());
    for (wish, _) in &wishes {
        let least = places.last().map_or(f64::NEG_INFINITY, |last| last + ROW_STEP);
        places.push(wish.max(least));
    }
    // Pushing only ever moves to one side; the mean error moves the whole layer back.
    let error: f64 = places.iter().zip(&wishes).map(|(place, (wish, _))| place - wish).sum();
    let shift = error / places.len().max(1) as f64;
    for ((slot, (_, body)), place) in row.iter_mut().zip(&wishes).zip(&places) {
        *slot = *body;
        if let Some(own) = z.get_mut(*body) {
            *own = place - shift;
        }
    }
}

/// Places a layer's bodies evenly around zero.
fn spread(row: &[usize], z: &mut [f64]) {
    let middle = row.len().saturating_sub(1) as f64 / 2.0;
    for (place, body) in row.iter().enumerate() {
        if let Some(own) = z.get_mut(*body) {
            *own = (place as f64 - middle) * ROW_STEP;
        }
    }
}

/// Bodies without links, in a grid about as wide as deep.
fn grid(bodies: &[usize]) -> Group {
    let columns = (1..=bodies.len()).find(|columns| columns * columns >= bodies.len()).unwrap_or(1);
    let place =
        |(row, body): (usize, &usize)| (*body, (row % columns) as f64 * LAYER_STEP, (row / columns) as f64 * ROW_STEP);
    framed(bodies.iter().enumerate().map(place).collect())
}

/// Moves the places so that they begin at zero, and measures them.
fn framed(mut places: Vec<(usize, f64, f64)>) -> Group {
    let left = places.iter().map(|place| place.1).fold(f64::INFINITY, f64::min);
    let top = places.iter().map(|place| place.2).fold(f64::INFINITY, f64::min);
    for place in &mut places {
        place.1 -= left;
        place.2 -= top;
    }
    let width = places.iter().map(|place| place.1).fold(0.0, f64::max) + LAYER_STEP;
    let height = places.iter().map(|place| place.2).fold(0.0, f64::max) + ROW_STEP;
    Group { places, size: (width, height) }
}

/// Sets the groups side by side in shelves about as wide as all of them are deep, around the origin.
fn pack(count: usize, mut groups: Vec<Group>) -> Vec<(f64, f64)> {
    groups.sort_by(|a, b| b.size.1.total_cmp(&a.size.1));
    let area: f64 = groups.iter().map(|group| group.size.0 * group.size.1).sum();
    let widest = groups.iter().map(|group| group.size.0).fold(0.0, f64::max);
    let shelf_width = (area.sqrt() * 1.6).max(widest);
    let mut places = vec![(0.0, 0.0); count];
    let (mut x, mut z, mut shelf_depth) = (0.0, 0.0, 0.0_f64);
    for group in &groups {
        if x > 0.0 && x + group.size.0 > shelf_width {
            x = 0.0;
            z += shelf_depth + GROUP_GAP;
            shelf_depth = 0.0;
        }
        for (body, along, across) in &group.places {
            if let Some(place) = places.get_mut(*body) {
                *place = (x + along, z + across);
            }
        }
        x += group.size.0 + GROUP_GAP;
        shelf_depth = shelf_depth.max(group.size.1);
    }
    center(&mut places);
    places
}

/// Moves the middle of all to the origin, on whole half metres so that files stay short.
fn center(places: &mut [(f64, f64)]) {
    let middle = |of: fn(&(f64, f64)) -> f64| {
        let least = places.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = places.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        if least.is_finite() { (least + most) / 2.0 } else { 0.0 }
    };
    let (x, z) = (middle(|place| place.0), middle(|place| place.1));
    for place in places {
        // Whole decimetres: less than the spacing that is to spare, so rounding joins no bodies.
        *place = (((place.0 - x) * 10.0).round() / 10.0, ((place.1 - z) * 10.0).round() / 10.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether any two bodies are nearer than the spacing that the desktop's bodies need.
    fn overlap(places: &[(f64, f64)]) -> Option<(usize, usize)> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|a, b| places[*a].0.total_cmp(&places[*b].0));
        for (row, a) in order.iter().enumerate() {
            for b in order[row + 1..].iter().take_while(|b| places[**b].0 - places[*a].0 < 6.5) {
                if (places[*a].1 - places[*b].1).abs() < 4.5 {
                    return Some((*a, *b));
                }
            }
        }
        None
    }

    #[test]
    fn a_chain_flows_along_x() {
        let places = layered(3, &[(2, 0), (0, 1)]);
        assert!(places[2].0 < places[0].0 && places[0].0 < places[1].0, "{places:?}");
        assert!(places.iter().all(|place| place.1 == 0.0), "{places:?}");
    }

    #[test]
    fn a_circle_and_an_edge_to_oneself_are_laid_out() {
        let places = layered(3, &[(0, 1), (1, 2), (2, 0), (1, 1), (7, 9)]);
        assert_eq!(overlap(&places), None, "{places:?}");
    }

    #[test]
    fn bodies_without_links_stand_in_a_grid() {
        let places = layered(9, &[]);
        assert_eq!(overlap(&places), None, "{places:?}");
        let wide = places.iter().map(|place| place.0).fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(wide, LAYER_STEP);
    }

    #[test]
    fn thousands_of_bodies_take_little_time() {
        let edges: Vec<(usize, usize)> =
            (0..20_000).map(|row| (row % 5_000, (row * 7_919 + row / 5_000) % 5_000)).collect();
        let started = std::time::Instant::now();
        let places = layered(5_000, &edges);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        assert_eq!(overlap(&places), None);
    }

    proptest! {
        #[test]
        fn no_two_bodies_overlap(count in 1_usize..60, edges in prop::collection::vec((0_usize..60, 0_usize..60), 0..120)) {
            let places = layered(count, &edges);
            prop_assert_eq!(places.len(), count);
            prop_assert_eq!(overlap(&places), None);
            prop_assert_eq!(places, layered(count, &edges));
        }
    }
}
