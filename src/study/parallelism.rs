//! Parallelism: what keeps a scene from running on more threads.
//!
//! Invariant: a function of the scene alone: the same for every machine, thread count and recording.

use serde::Serialize;

use crate::scene::document::Scene;
use crate::sim::compile::compile;
use crate::sim::id::NodeIndex;
use crate::sim::model::Model;
use crate::sim::split::{Split, islands};

/// Islands of the heaviest are named up to so many nodes.
const NODES_NAMED_MAX: usize = 12;

/// What limits how many threads can work at a scene.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parallelism {
    /// Sets of nodes that are joined by links without latency; each runs on one thread.
    pub islands: u32,
    /// Partitions that the latencies suggest, or that the scene asks for.
    pub partitions: u32,
    /// Seconds that partitions run without talking to each other.
    pub window_s: f64,
    /// What to change first for more parallelism.
    pub limited_by: Limit,
    /// Id of the link whose latency sets the window; `null` where no link leads between partitions.
    pub link: Option<String>,
    /// Ids of the nodes of the heaviest island, the first twelve.
    pub island: Vec<String>,
    /// Id of the busiest node of that island.
    pub node: Option<String>,
    /// Share of the expected events that the island handles.
    pub island_share: f64,
}

/// What limits parallelism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// The link's latency is short, so that windows are.
    Link,
    /// More than half of all events happen on one island, which one thread works off.
    Island,
    /// More than half of all events happen at one node.
    Node,
    /// Partitions never talk, or there is nothing to run.
    Nothing,
}

/// What limits the parallelism of a scene; `None` for one that does not compile.
pub fn parallelism(scene: &Scene) -> Option<Parallelism> {
    let model = compile(scene).ok()?;
    let split = match scene.settings.partitions {
        Some(wanted) => Split::into(&model, wanted),
        // Threads do not show in what limits a scene: as many as one can use count.
        None => Split::from_latencies(&model, 1),
    };
    let load = |node: &NodeIndex| model.nodes.get(node.row()).map_or(0.0, |node| node.load.max(0.0));
    let weighed = islands(&model).into_iter().map(|island| (island.iter().map(load).sum::<f64>(), island));
    // The first of equally heavy ones, so that nothing but the scene decides.
    let (weight, island) = weighed.fold((-1.0, Vec::new()), |most, next| if next.0 > most.0 { next } else { most });
    let total: f64 = (0u32..).zip(&model.nodes).map(|(row, _)| load(&NodeIndex(row))).sum();
    let busiest = island.iter().fold(None, |most: Option<&NodeIndex>, next| match most {
        Some(most) if load(most) >= load(next) => Some(most),
        _ => Some(next),
    });
    let share = if total > 0.0 { (weight / total).clamp(0.0, 1.0) } else { 0.0 };
    let link = split.limiting.and_then(|link| scene.links.keys().nth(link.row())).map(ToString::to_string);
    Some(Parallelism {
        islands: split.islands,
        partitions: split.partitions(),
        window_s: if split.limiting.is_some() { split.lookahead.seconds() } else { 0.0 },
        limited_by: match (share > 0.5, island.len(), &split.limiting) {
            (true, 1, _) => Limit::Node,
            (true, _, _) => Limit::Island,
            (false, _, Some(_)) => Limit::Link,
            (false, _, None) => Limit::Nothing,
        },
        link,
        node: busiest.map(|node| name(&model, *node)),
        island: island.iter().take(NODES_NAMED_MAX).map(|node| name(&model, *node)).collect(),
        island_share: share,
    })
}

fn name(model: &Model, node: NodeIndex) -> String {
    model.nodes.get(node.row()).map_or_else(String::new, |node| node.name.clone())
}

impl Parallelism {
    /// The same as one line for people.
    pub fn line(&self) -> String {
        let Parallelism { islands, partitions, window_s, limited_by, link, island, node, island_share } = self;
        let limit = match limited_by {
            Limit::Nothing => String::from("nothing limits parallelism"),
            Limit::Link => format!("parallelism is limited by link {}", link.as_deref().unwrap_or("to a shared limit")),
            Limit::Node => format!(
                "parallelism is limited by node {} with {:.0} % of the events",
                node.as_deref().unwrap_or_default(),
                island_share * 100.0
            ),
            Limit::Island => format!(
                "parallelism is limited by the island of {} around {} with {:.0} % of the events",
                island.join(", "),
                node.as_deref().unwrap_or_default(),
                island_share * 100.0
            ),
        };
        format!("{islands} islands, {partitions} partitions, windows of {:.3} ms; {limit}", window_s * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::builtin;
    use crate::scene::text::load;
    use crate::scene::units::{Duration, Latency, Spread};

    fn shipped(name: &str) -> Scene {
        let scene = builtin::find(name).unwrap_or_else(|| panic!("no scene `{name}`"));
        load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}")).scene
    }

    #[test]
    fn the_link_with_the_shortest_latency_between_partitions_is_named() {
        let scene = shipped("patterns");
        let found = parallelism(&scene).unwrap_or_else(|| panic!("it compiles"));
        assert!(found.partitions > 1 && found.islands > 1, "{found:?}");
        let link = found.link.clone().unwrap_or_else(|| panic!("a link limits: {found:?}"));
        assert!(scene.links.keys().any(|id| id.as_str() == link), "{found:?}");
        assert!(found.line().contains("limited by"), "{}", found.line());
    }

    #[test]
    fn a_scene_without_latencies_is_one_island() {
        let mut scene = shipped("patterns");
        for link in scene.links.values_mut() {
            let none = Duration::default();
            link.latency = Latency { spread: Spread::Constant(none), floor: Some(none) };
        }
        scene.settings.account_concurrency = None;
        // The four patterns do not touch each other, so each is an island of its own.
        let found = parallelism(&scene).unwrap_or_else(|| panic!("it compiles"));
        assert_eq!(found.link, None, "{found:?}");
        assert!(found.island.len() > 1, "{found:?}");
    }
}
