//! The document: what a person draws, as plain data.
//!
//! Invariant: every collection is ordered by id, so the same scene is written as the same bytes.
//! Invariant: nothing here knows time's passing; what a node does is `sim/node`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId, RegionId};
use crate::scene::units::{Duration, Latency, Moment};

/// The version of the scene format that this program writes.
pub const SCENE_VERSION: u32 = 1;

/// The version of a file that does not say one, until it is loaded.
pub(crate) const VERSION_UNSAID: u32 = 0;

/// A whole scene: one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scene {
    /// Format version; older ones migrate on load, newer ones are refused.
    #[serde(default = "unsaid")]
    pub version: u32,
    /// What the window's title and the report call it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What to look at, in the author's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Seed, length and the like.
    #[serde(skip_serializing_if = "is_default")]
    pub settings: Settings,
    /// Places: a data centre, a hotel, a factory hall.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub regions: BTreeMap<RegionId, Region>,
    /// Nodes by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub nodes: BTreeMap<NodeId, Node>,
    /// Links by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub links: BTreeMap<LinkId, Link>,
    /// What goes wrong, and when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpan>,
    /// Stops of a guided tour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tour: Vec<TourStop>,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            version: SCENE_VERSION,
            title: String::new(),
            notes: String::new(),
            settings: Settings::default(),
            regions: BTreeMap::new(),
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            faults: Vec::new(),
            tour: Vec::new(),
        }
    }
}

/// What holds for a whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Seed of all draws.
    #[serde(skip_serializing_if = "is_one")]
    pub seed: u64,
    /// How long a run lasts where nobody says otherwise.
    #[serde(skip_serializing_if = "is_minute")]
    pub duration: Duration,
    /// The calendar's instant at which a run begins: what schedules and state machines go by.
    #[serde(skip_serializing_if = "is_new_year")]
    pub begins: Moment,
    /// Playback speed with which the scene opens, in simulated seconds a second.
    #[serde(skip_serializing_if = "is_unit")]
    pub speed: f64,
    /// Function environments of all functions together, reserved ones included; `None`: no account limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_concurrency: Option<u32>,
    /// Number of partitions; `None`: found from the latencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 1,
            duration: Duration::MINUTE,
            begins: Moment::NEW_YEAR_2026,
            speed: 1.0,
            account_concurrency: None,
            partitions: None,
        }
    }
}

/// A place on the ground, drawn as a plate. Metres; the plate lies in the plane of x and z.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Name on the floor.
    pub label: String,
    /// Centre of the plate: x, z.
    pub center: (f64, f64),
    /// Extent of the plate along x and z.
    pub size: (f64, f64),
    /// A person's remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A component of the architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Name under the body; empty: the id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Feet of the body in metres: x, y (up), z.
    pub position: (f64, f64, f64),
    /// The region in which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// What it is, with its parameters.
    pub kind: Kind,
    /// A person's remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Node {
    /// A node of a kind, at the origin and with nothing said about it.
    pub fn new(kind: Kind) -> Node {
        Node { label: String::new(), position: (0.0, 0.0, 0.0), region: None, kind, note: String::new() }
    }
}

/// A way from one node to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where messages leave.
    pub from: NodeId,
    /// Where they arrive.
    pub to: NodeId,
    /// How long the way takes, in each direction.
    #[serde(default, skip_serializing_if = "is_default")]
    pub latency: Latency,
    /// Share of messages lost on the way, 0 to 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loss: f64,
    /// How the two ends talk; `None`: what their kinds suggest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LinkMode>,
    /// From a bus: the rule that feeds this link. From a router or gateway: the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Takes dead letters rather than ordinary traffic.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dead_letters: bool,
}

impl Link {
    /// A link that loses nothing and leaves to its ends how they talk.
    pub fn new(from: NodeId, to: NodeId, latency: Latency) -> Link {
        Link { from, to, latency, loss: 0.0, mode: None, rule: None, dead_letters: false }
    }
}

/// How the two ends of a link talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkMode {
    /// Sent and forgotten, or acknowledged where the sender retries.
    Event,
    /// Sent, and the sender waits for the reply.
    Request,
    /// The target polls the source for batches and acknowledges them.
    Poll,
}

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpan {
    /// When it begins.
    pub at: Duration,
    /// When it ends; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
    /// What it strikes and how.
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// The node does nothing; requests to it are refused.
    Stop(NodeId),
    /// The node works this many times as long.
    Slow(NodeId, f64),
    /// This share of the node's work fails, 0 to 1.
    ErrorRate(NodeId, f64),
    /// The link takes no departures.
    Cut(LinkId),
}

/// A stop of the guided tour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TourStop {
    /// One or two lines.
    pub caption: String,
    /// Nodes in the light.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
    /// Where the playhead goes; `None`: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
}

fn unsaid() -> u32 {
    VERSION_UNSAID
}

/// Reads a map and refuses a key that stands there twice, which would silently win.
pub(crate) fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: serde::Deserializer<'de>,
    K: Deserialize<'de> + Ord + std::fmt::Display,
    V: Deserialize<'de>,
{
    struct UniqueVisitor<K, V>(std::marker::PhantomData<(K, V)>);
    impl<'de, K, V> serde::de::Visitor<'de> for UniqueVisitor<K, V>
    where
        K: Deserialize<'de> + Ord + std::fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map: { \"id\": (...), ... }")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<BTreeMap<K, V>, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry::<K, V>()? {
                if map.contains_key(&key) {
                    let message = format!("`{key}` stands here twice; keep one of the two, or rename it");
                    return Err(serde::de::Error::custom(message));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(UniqueVisitor(std::marker::PhantomData))
}

/// Whether a value is its type's default, which is then left out of the file.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(value: &u64) -> bool {
    *value == 1
}

fn is_minute(value: &Duration) -> bool {
    *value == Duration::MINUTE
}

fn is_new_year(value: &Moment) -> bool {
    *value == Moment::NEW_YEAR_2026
}

fn is_unit(value: &f64) -> bool {
    *value == 1.0
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn is_false(value: &bool) -> bool {
    !*value
}
